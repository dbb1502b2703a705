import { inputGuards } from './input-guards.ts';
import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';
import { usefulThreads } from './tool-limits.ts';

/** The names of a job's files, in its own folder. */
export const jobFiles = {
  source: 'source.mp4',
  logo: 'logo.png',
  rendition: 'rendition.mp4',
  poster: 'poster.jpg',
} as const;

/**
 * FFmpeg's whole command line for one video, run in the job's folder. Pure. Decoder, filters and encoder get `threads` each,
 * but no more than are useful for the rows of their picture.
 */
export function ffmpegArguments(profile: Profile, source: SourceFacts, threads: number): string[] {
  const decoderThreads = Math.min(threads, usefulThreads(Math.min(source.width, source.height)));
  const renditionThreads = Math.min(threads, usefulThreads(profile.height));
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-benchmark', '-y'],
    ...['-progress', 'pipe:1', '-stats_period', '0.5', '-filter_complex_threads', String(renditionThreads)],
    // Before -i, so that what comes after the last second is not even read.
    ...['-threads', String(decoderThreads), '-t', String(profile.seconds), ...inputGuards, '-i', jobFiles.source],
    ...['-protocol_whitelist', 'file', '-f', 'png_pipe', '-i', jobFiles.logo],
    ...['-filter_complex', filterGraph(profile, source)],
    ...['-map', '[rendition]', ...renditionOptions(profile, renditionThreads), jobFiles.rendition],
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

/** Nothing but the picture: no sound, no subtitles, no chapters, and no metadata, which may say where it was filmed. */
function renditionOptions(profile: Profile, threads: number): string[] {
  return [
    ...['-an', '-sn', '-dn', '-map_metadata', '-1', '-map_chapters', '-1'],
    ...['-c:v', 'libx264', '-preset', profile.preset, '-crf', String(profile.crf), '-threads', String(threads)],
    ...['-x264-params', profile.x264Params, '-pix_fmt', 'yuv420p'],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-t', String(profile.seconds), '-movflags', '+faststart', '-f', 'mp4'],
  ];
}

function filterGraph(profile: Profile, source: SourceFacts): string {
  const { width, height, logoMarginPixels } = profile;
  const picture = [
    'setpts=PTS-STARTPTS',
    `fps=${frameRate(profile, source)}`,
    // zscale wants an even size of the usual pixel formats.
    'crop=trunc(iw/2)*2:trunc(ih/2)*2',
    ...toBt709(profile, source),
    'setsar=1',
    `pad=${width}:${height}:-1:-1`,
  ];
  const logo = ['format=gbrap', 'zscale=matrix=709:range=limited', 'format=yuva420p'];
  const poster = [
    ...repeatLastFrame(profile, source),
    `select=gte(t\\,${posterSecond(profile, source)})*isnan(prev_selected_t)`,
    // What JPEG readers assume.
    'zscale=matrixin=709:matrix=170m:rangein=limited:range=full',
    'format=yuvj420p',
  ];
  return [
    `[0:${source.streamIndex}]${picture.join(',')}[picture]`,
    `[1:v]${logo.join(',')}[logo]`,
    `[picture][logo]overlay=W-w-${logoMarginPixels}:${logoMarginPixels}:format=yuv420,split[rendition][still]`,
    `[still]${poster.join(',')}[poster]`,
  ].join(';');
}

/** One scaling into the frame, by the shape the picture is shown in (its pixels need not be square), to 8-bit BT.709. */
function toBt709(profile: Profile, source: SourceFacts): string[] {
  const size = fitInto(profile.width, profile.height);
  const colours = describeColours(source);
  if (!hdrTransfers.has(source.transfer)) {
    return [`zscale=${size}:${bicubic}:${colours}:m=709:t=709:p=709:r=limited`, 'format=yuv420p'];
  }
  return [
    `zscale=${size}:${bicubic}:${colours}:t=linear:npl=100`,
    'format=gbrpf32le',
    'zscale=p=709',
    'tonemap=hable:desat=0',
    'zscale=m=709:t=709:r=limited:dither=ordered',
    'format=yuv420p',
  ];
}

/** As swscale means it; zscale's own is softer. */
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
 * Of a picture that does not say: BT.601 below 720 lines, else BT.709, as Chromium has it and, near that line, other players.
 * FFmpeg's own scaler takes everything for BT.601, which shows an untagged film in other colours than any player.
 */
export function assumedMatrix({ height }: SourceFacts): '170m' | '709' {
  return height < 720 ? '170m' : '709';
}

function describeColours(source: SourceFacts): string {
  const matrix = matrices.get(source.matrix) ?? assumedMatrix(source);
  const transfer = hdrTransfers.has(source.transfer) ? source.transfer : '709';
  const primaries = widePrimaries.has(source.primaries) ? source.primaries : '709';
  const range = source.range === 'pc' || source.pixelFormat.startsWith('yuvj') ? 'full' : 'limited';
  return `min=${matrix}:tin=${transfer}:pin=${primaries}:rin=${range}`;
}

const matrices = new Map([
  ['bt709', '709'],
  ['bt470bg', '470bg'],
  ['smpte170m', '170m'],
  ['smpte240m', 'smpte240m'],
  ['fcc', 'fcc'],
  ['bt2020nc', '2020_ncl'],
  ['gbr', 'gbr'],
]);

const usualRates = [24, 25, 30, 50, 60];

/** The source's own rate where it has one; a varying rate becomes the next usual one; both within the profile's bound. */
export function frameRate(profile: Profile, source: SourceFacts): string {
  const clock = readFraction(source.clockRate);
  const average = readFraction(source.averageRate) || clock;
  const bound = profile.framesPerSecondMax;
  if (!(average > 0)) return '30';
  if (average > bound) return String(bound);
  if (Math.abs(clock - average) <= average * 0.02) return source.clockRate;
  return String(usualRates.find((rate) => rate >= average - 0.5 && rate <= bound) ?? bound);
}

/**
 * Repeats the last frame until the poster's moment is past. A clip may have its only frame before that moment and show it for
 * long: without a frame for the poster, FFmpeg 7.1 fails the whole run. One more than it takes, because FFmpeg 5.1 gives the
 * first repetition the time of the frame itself.
 */
function repeatLastFrame(profile: Profile, source: SourceFacts): string[] {
  const second = posterSecond(profile, source);
  if (second === 0) return [];
  return [`tpad=stop=${Math.ceil(readFraction(frameRate(profile, source)) * second) + 1}:stop_mode=clone`];
}

/** A clip too short to get there, or of unknown length, shows its first frame. */
function posterSecond(profile: Profile, source: SourceFacts): number {
  return (source.seconds ?? 0) > 2 * profile.posterAtSecond ? profile.posterAtSecond : 0;
}

function readFraction(text: string): number {
  const [above, below = '1'] = text.split('/');
  return Number(above) / Number(below);
}
