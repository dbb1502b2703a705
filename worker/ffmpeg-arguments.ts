import { frameRate, framesWithin, motionRate, readFraction } from './frame-rate.ts';
import { inputGuards } from './input-guards.ts';
import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';
import { usefulThreads } from './tool-limits.ts';

/** The names of a job's files in its folder. */
export const jobFiles = {
  source: 'source.mp4',
  logo: 'logo.png',
  rendition: 'rendition.mp4',
  poster: 'poster.jpg',
} as const;

/** The files that the whole command line writes. */
export const transcodeOutputs: readonly string[] = [jobFiles.rendition, jobFiles.poster];

/**
 * Returns FFmpeg's arguments for one video, run in the job's folder. Decoder, filters and encoder get `threads` each, but no more
 * than are useful for the rows of their picture.
 */
export function ffmpegArguments(profile: Profile, source: SourceFacts, threads: number): string[] {
  const decoderThreads = Math.min(threads, usefulThreads(Math.min(source.width, source.height)));
  const renditionThreads = Math.min(threads, usefulThreads(profile.height));
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-benchmark', '-y'],
    ...['-progress', 'pipe:1', '-stats_period', '0.5', '-filter_complex_threads', String(renditionThreads)],
    // -t stands before -i, so that the source is not read beyond the last second.
    ...['-threads', String(decoderThreads), '-t', String(profile.seconds), ...inputGuards, '-i', jobFiles.source],
    ...['-protocol_whitelist', 'file', '-f', 'image2', '-pattern_type', 'none', '-loop', '1', '-framerate', '1000'],
    ...['-i', jobFiles.logo],
    ...['-filter_complex', filterGraph(profile, source)],
    ...['-map', '[rendition]', ...renditionOptions(profile, source, renditionThreads), jobFiles.rendition],
    ...[
      '-map',
      '[poster]',
      '-frames:v',
      '1',
      '-c:v',
      'mjpeg',
      '-q:v',
      '3',
      '-f',
      'image2',
      '-update',
      '1',
      jobFiles.poster,
    ],
  ];
}

/** Returns the output options. Drops sound, subtitles, chapters and metadata, which may contain the place of recording. */
function renditionOptions(profile: Profile, source: SourceFacts, threads: number): string[] {
  return [
    // Frames are repeated here, after all filters, so that a gap of any length holds one picture in memory.
    ...['-fps_mode', 'cfr', '-r', frameRate(profile, source)],
    ...['-an', '-sn', '-dn', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-c:v', 'libx264', '-preset', profile.preset, '-crf', String(profile.crf), '-threads', String(threads)],
    ...['-x264-params', profile.x264Params, '-pix_fmt', 'yuv420p'],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-t', String(lastSecond(profile, source)), '-movflags', '+faststart', '-f', 'mp4'],
  ];
}

/**
 * Returns the filter graph. FFmpeg rebuilds the graph when the source's size or pixel format changes, and the inputs continue from
 * their position. Times are therefore not relative to the graph's first frame, and the logo's input never ends: each graph reads one
 * frame of it, which the overlay repeats.
 */
function filterGraph(profile: Profile, source: SourceFacts): string {
  const { width, height, logoMarginPixels } = profile;
  const picture = [
    `setpts=PTS-(${source.startSeconds.toFixed(6)})/TB`,
    ...deinterlace(source),
    ...thinOut(profile, source),
    // zscale requires even sizes for subsampled pixel formats.
    'crop=trunc(iw/2)*2:trunc(ih/2)*2',
    // Pixel aspect ratios outside of this range are errors of the file, and count as square.
    'setsar=sar=if(between(sar\\,1/4\\,4)\\,sar\\,1):max=10000',
    ...toBt709(profile, source),
    'setsar=1',
    `pad=${width}:${height}:-1:-1`,
  ];
  const logo = [
    ...['format=gbrap', 'zscale=matrix=709:range=limited', 'format=yuva420p'],
    ...[`loop=loop=${Math.ceil(profile.seconds) + 1}:size=1`, 'setpts=N/TB'],
  ];
  const end = holdsLastFrame(profile, source) ? '' : ':shortest=1';
  const poster = [
    // The second frame ends the branch: FFmpeg 7 would otherwise buffer all of the rendition's frames.
    `select=gte(t\\,${posterSecond(profile, source)})*lt(selected_n\\,2)`,
    'trim=end_frame=1',
    // JPEG readers assume this matrix and range.
    'zscale=matrixin=709:matrix=170m:rangein=limited:range=full',
    'format=yuvj420p',
  ];
  return [
    `[0:${source.streamIndex}]${picture.join(',')}[picture]`,
    `[1:v]${logo.join(',')}[logo]`,
    `[picture][logo]overlay=W-w-${logoMarginPixels}:${logoMarginPixels}:format=yuv420${end},split[rendition][still]`,
    `[still]${poster.join(',')}[poster]`,
  ].join(';');
}

/** Deinterlaces, or clears the flag of progressive pictures, which zscale would otherwise scale field by field. */
function deinterlace({ interlacing, isMarkedInterlaced }: SourceFacts): string[] {
  if (interlacing !== undefined) return [`bwdif=mode=send_frame:parity=${interlacing}:deint=all`];
  return isMarkedInterlaced ? ['setfield=prog'] : [];
}

/** Drops surplus frames before they are scaled. Frames are repeated after the filters, since each would be scaled again here. */
function thinOut(profile: Profile, source: SourceFacts): string[] {
  const rate = frameRate(profile, source);
  const motion = motionRate(framesWithin(profile.seconds, source)) ?? 0;
  if (motion <= readFraction(rate) * 1.05) return [];
  return [`select=isnan(prev_selected_t)+gt(floor(t*${rate}+0.5)\\,floor(prev_selected_t*${rate}+0.5))`];
}

/**
 * Returns whether the last frame is shown for longer than others. The overlay then repeats it, at one frame a second, until the
 * rendition's end. Otherwise the overlay ends with the picture, so that frames that could not be decoded shorten the rendition.
 */
function holdsLastFrame(profile: Profile, source: SourceFacts): boolean {
  const motionEnds = framesWithin(profile.seconds, source).at(-1) ?? 0;
  return lastSecond(profile, source) - motionEnds >= 2 / readFraction(frameRate(profile, source));
}

function lastSecond(profile: Profile, source: SourceFacts): number {
  return Math.min(profile.seconds, Number(source.seconds.toFixed(6)));
}

/** Scales once, by the display aspect ratio (pixels need not be square), and converts to 8-bit BT.709. */
function toBt709(profile: Profile, source: SourceFacts): string[] {
  const size = fitInto(profile.width, profile.height);
  const colours = describeColours(source);
  if (!hdrTransfers.has(source.transfer)) {
    return [`zscale=${size}:${bicubic}:${colours}:m=709:t=709:p=709:r=limited`, 'format=yuv420p'];
  }
  return [
    `zscale=${size}:${bicubic}:${colours}:t=linear:npl=203`,
    'format=gbrpf32le',
    'zscale=p=709',
    'tonemap=mobius:param=0.9:peak=5:desat=0',
    'zscale=m=709:t=709:r=limited:dither=ordered',
    'format=yuv420p',
  ];
}

/** The parameters of swscale's bicubic filter. zscale's defaults are softer. */
const bicubic = 'filter=bicubic:param_a=0:param_b=0.6';

function fitInto(width: number, height: number): string {
  const shape = `${width}/${height}`;
  const fittedWidth = `if(gte(dar\\,${shape})\\,${width}\\,max(2\\,2*round(${height}*dar/2)))`;
  const fittedHeight = `if(gte(dar\\,${shape})\\,max(2\\,2*round(${width}/dar/2))\\,${height})`;
  return `w=${fittedWidth}:h=${fittedHeight}`;
}

const hdrTransfers = new Set(['smpte2084', 'arib-std-b67']);
const widePrimaries = new Set(['bt2020', 'smpte431', 'smpte432']);

/**
 * Returns the matrix of an untagged picture: BT.601 below 720 lines, else BT.709, as in Chromium and, for most sizes, in other
 * players. FFmpeg's own scaler assumes BT.601 for every size, which gives other colours than players show.
 */
export function assumedMatrix({ height }: SourceFacts): '170m' | '709' {
  return height < 720 ? '170m' : '709';
}

/**
 * Returns zscale's options for the source's colours. The range is left to each frame's tag, which may change within a stream. The
 * rest is explicit, because zscale fails on unknown or impossible tags.
 */
function describeColours(source: SourceFacts): string {
  const isHdr = hdrTransfers.has(source.transfer);
  const assumed = isHdr ? '2020_ncl' : assumedMatrix(source);
  const matrix = isRgb(source) ? 'gbr' : (matrices.get(source.matrix) ?? assumed);
  const transfer = isHdr ? source.transfer : '709';
  const primaries = widePrimaries.has(source.primaries) ? source.primaries : isHdr ? 'bt2020' : '709';
  return `min=${matrix}:tin=${transfer}:pin=${primaries}`;
}

function isRgb({ pixelFormat }: SourceFacts): boolean {
  return /^(gbr|a?rgb|a?bgr|[0x]rgb|[0x]bgr)/.test(pixelFormat);
}

const matrices = new Map([
  ['bt709', '709'],
  ['bt470bg', '470bg'],
  ['smpte170m', '170m'],
  ['smpte240m', 'smpte240m'],
  ['fcc', 'fcc'],
  ['bt2020nc', '2020_ncl'],
  ['bt2020c', '2020_ncl'],
]);

/** Returns the start of the frame shown at the poster's time, or of the first frame of a short clip. */
function posterSecond(profile: Profile, source: SourceFacts): string {
  if (source.seconds <= 2 * profile.posterAtSecond) return '0';
  const begun = source.frameSeconds.filter((second) => second <= profile.posterAtSecond);
  // Slightly earlier, because timestamps are rounded.
  return Math.max(0, (begun.at(-1) ?? 0) - 0.001).toFixed(3);
}
