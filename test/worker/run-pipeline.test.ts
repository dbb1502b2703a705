import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { validateSource } from '../../worker/validate-source.ts';
import { lavfi, x264 } from '../support/clip.ts';
import { ffmpeg, look, makeClip, makeJobFolder, pixel } from './support/clips.ts';
import { openEdit, openTranscode } from './support/run-pipeline.ts';

const red = (size: string, encode: string[]) => (path: string) =>
  ffmpeg(...lavfi(`color=c=0xe02010:size=${size}:rate=25:duration=0.4,format=gbrp`), ...encode, '-f', 'mp4', path);

const toMatrix = (matrix: string, range = 'limited') =>
  `zscale=matrix=${matrix}:range=${range},format=${range === 'full' ? 'yuvj420p' : 'yuv420p'}`;

const inColors = (filter: string, matrix: string) => ['-vf', filter, '-colorspace', matrix];

/** FFmpeg 7 tags a file with the colours of the filter graph, whatever the encoder's options are. */
const untagged = 'setparams=colorspace=unknown';

const hevc10 = ['-c:v', 'libx265', '-preset', 'ultrafast'];

const bt709 = { color_space: 'bt709', color_transfer: 'bt709', color_primaries: 'bt709' };

t.test('odd sources come out 1280x720 in H.264 and 8-bit BT.709, without sound, index first', async (t) => {
  const edit = await openEdit(t);
  const oddSize444 = '-c:v libx264 -pix_fmt yuv444p -vf crop=321:243:exact=1'.split(' ');
  const both = [...lavfi('testsrc2=size=320x180:rate=25:duration=0.4'), ...lavfi('sine=duration=0.4')];
  const cases: Record<string, (path: string) => Promise<unknown>> = {
    'odd size': makeClip('320x240', 0.4, '25', ['-c:v', 'mpeg4', '-vf', 'scale=321:243']),
    'odd size in 4:4:4': makeClip('322x244', 0.4, '25', oddSize444),
    '10 bit': makeClip('320x180', 0.4, '25', [...hevc10, '-pix_fmt', 'yuv420p10le', '-x265-params', 'log-level=none']),
    'HDR by PQ': makeClip('320x180', 0.4, '25', hdr('smpte2084')),
    'HDR by HLG': makeClip('320x180', 0.4, '25', hdr('arib-std-b67')),
    RGB: makeClip('320x180', 0.4, '25', ['-c:v', 'libx264rgb', '-preset', 'ultrafast', '-pix_fmt', 'rgb24']),
    grey: makeClip('320x180', 0.4, '25', ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'gray']),
    tiny: makeClip('16x16', 0.4, '25'),
    'very wide': makeClip('1280x64', 0.4, '25'),
    'one frame': makeClip('320x180', 0.04, '25'),
    'one frame for ten seconds': makeClip('640x360', 10, '1/10'),
    'index last': makeClip('320x180', 0.4, '25', [...x264, '-movflags', '-faststart']),
    fragmented: makeClip('320x180', 0.4, '25', [...x264, '-movflags', 'frag_keyframe+empty_moov']),
    'with sound': (path) => ffmpeg(...both, ...x264, '-c:a', 'aac', '-shortest', '-f', 'mp4', path),
  };
  for (const [name, make] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const folder = await edit(t, make);
      const { streams } = await look(join(folder, jobFiles.rendition));
      t.match(streams[0], { codec_name: 'h264', width: 1280, height: 720, sample_aspect_ratio: '1:1' });
      t.match(streams[0], { ...bt709, pix_fmt: 'yuv420p', color_range: 'tv' });
      t.equal(streams.length, 1);
      t.ok(await isIndexFirst(join(folder, jobFiles.rendition)));
      const poster = await look(join(folder, jobFiles.poster));
      t.match(poster.streams[0], { codec_name: 'mjpeg', width: 1280, height: 720 });
    });
  }
});

t.test('a colour stays the colour it is, whatever it was encoded by', async (t) => {
  const edit = await openEdit(t);
  const fullRange = ['-c:v', 'libx264', '-color_range', 'pc'];
  const cases: Record<string, (path: string) => Promise<unknown>> = {
    'small and silent about it': red('320x180', [...x264, ...inColors(`${toMatrix('170m')},${untagged}`, 'unknown')]),
    'large and silent about it': red('1280x720', [...x264, ...inColors(`${toMatrix('709')},${untagged}`, 'unknown')]),
    'BT.601 that says so': red('1280x720', [...x264, ...inColors(toMatrix('170m'), 'smpte170m')]),
    'BT.709 that says so': red('320x180', [...x264, ...inColors(toMatrix('709'), 'bt709')]),
    'full range': red('320x180', [...fullRange, ...inColors(toMatrix('170m', 'full'), 'smpte170m')]),
  };
  for (const [name, make] of Object.entries(cases)) {
    const folder = await edit(t, make);
    const { streams } = await look(join(folder, jobFiles.source));
    t.equal(streams[0]?.['color_space'] === undefined, name.includes('silent'), `${name}: the source's own tag`);
    const [r, g, b] = await pixel(join(folder, jobFiles.rendition), 0, 640, 360);
    t.ok(Math.abs(r - 0xe0) < 8 && Math.abs(g - 0x20) < 8 && Math.abs(b - 0x10) < 8, `${name}: ${r} ${g} ${b}`);
  }
});

t.test('the picture keeps its shape: bars where it is narrower or lower than 16:9', async (t) => {
  const edit = await openEdit(t);
  const isBlack = async (folder: string, x: number, y: number) =>
    (await pixel(join(folder, jobFiles.rendition), 0, x, y)).every((value) => value < 24);
  const upright = await edit(t, red('180x320', x264));
  t.ok((await isBlack(upright, 300, 360)) && (await isBlack(upright, 980, 360)), 'bars left and right');
  t.notOk((await isBlack(upright, 450, 10)) || (await isBlack(upright, 830, 700)), 'the picture is 405 wide');
  const flat = await edit(t, red('640x160', x264));
  t.ok((await isBlack(flat, 640, 150)) && (await isBlack(flat, 640, 570)), 'bars above and below');
  t.notOk((await isBlack(flat, 10, 360)) || (await isBlack(flat, 640, 210)), 'the picture is 320 high');
  const squeezed = await edit(t, red('320x320', ['-vf', 'setsar=16/9', ...x264]));
  t.notOk((await isBlack(squeezed, 10, 360)) || (await isBlack(squeezed, 1270, 700)), 'pixels that are not square');
});

t.test('a turned phone’s rotation is honoured', async (t) => {
  const edit = await openEdit(t);
  const folder = await edit(t, async (path) => {
    const lying = `${path}.lying.mp4`;
    const halves =
      'color=c=red:size=320x180:rate=25:duration=0.4[a];color=c=blue:size=320x180:rate=25:duration=0.4[b];[a][b]vstack';
    await ffmpeg('-filter_complex', halves, ...x264, lying);
    await writeFile(path, turnRight(await readFile(lying)));
  });
  const left = await pixel(join(folder, jobFiles.rendition), 0, 560, 360);
  const right = await pixel(join(folder, jobFiles.rendition), 0, 720, 360);
  t.ok(left[2] > 200 && left[0] < 60, `the lower half is on the left: ${left}`);
  t.ok(right[0] > 200 && right[2] < 60, `the upper half is on the right: ${right}`);
});

t.test('thirty seconds are taken of a longer video, and a varying rate becomes a steady one', async (t) => {
  const edit = await openEdit(t);
  const long = await look(join(await edit(t, makeClip('160x90', 35, '2')), jobFiles.rendition));
  const seconds = Number(long.streams[0]?.['duration']);
  // FFmpeg 7 leaves out the last frame of a source with fewer frames than the rendition: a tenth of a second here.
  t.ok(seconds <= 30 && seconds > 29.85, `${seconds} s`);
  const drop = ['-vf', "select='not(mod(n,3))+gt(n,20)'", '-vsync', 'vfr'];
  const varying = await look(join(await edit(t, makeClip('160x90', 2, '25', [...drop, ...x264])), jobFiles.rendition));
  t.match(varying.streams[0], { r_frame_rate: varying.streams[0]?.['avg_frame_rate'] });
  t.ok(Math.abs(Number(varying.streams[0]?.['duration']) - 2) < 0.2);
});

t.test('the logo lies in the upper right corner', async (t) => {
  const edit = await openEdit(t);
  const folder = await edit(t, (path) =>
    ffmpeg(...lavfi('color=c=white:size=1280x720:rate=25:duration=0.4'), ...x264, '-f', 'mp4', path),
  );
  const [r, g, b] = await pixel(join(folder, jobFiles.rendition), 0, 1280 - 24 - 216 / 2, 24 + 8);
  t.ok(r < 140 && g < 140 && b < 150, `the logo's dark ground: ${r} ${g} ${b}`);
  t.ok((await pixel(join(folder, jobFiles.rendition), 0, 100, 40)).every((value) => value > 240));
});

t.test('a file that the edit cannot read is refused, with whichever code FFmpeg ends', async (t) => {
  const { transcode } = await openTranscode(t);
  const folder = await makeJobFolder(t, (path) => writeFile(path, 'no film at all'));
  const source = validateSource({
    streams: [{ index: '0', codec_name: 'h264', width: '64', height: '64' }],
    packets: [{ stream: '0', start: 0, duration: 1, isDiscarded: false }],
    format: {},
    frames: 0,
  });
  await t.rejects(transcode(folder, source), { name: 'InvalidVideoError' });
});

/** As a phone does: by the matrix in the track's header. FFmpeg's option for it differs from version to version. */
function turnRight(bytes: Buffer): Buffer {
  const matrix = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000];
  const at = bytes.indexOf('tkhd') + 44;
  for (const [i, value] of matrix.entries()) bytes.writeInt32BE(value, at + 4 * i);
  return bytes;
}

function hdr(transfer: string): string[] {
  const tags = `log-level=none:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`;
  return [...hevc10, '-pix_fmt', 'yuv420p10le', '-x265-params', tags];
}

async function isIndexFirst(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc((await stat(path)).size), 0);
    const index = buffer.indexOf('moov');
    return index > 0 && index < buffer.indexOf('mdat');
  } finally {
    await file.close();
  }
}
