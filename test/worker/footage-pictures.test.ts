import { join } from 'node:path';
import t from 'tap';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { lavfi, x264 } from '../support/clip.ts';
import { ffmpeg, makeFolder, pixel, run } from './support/clips.ts';
import { openEdit } from './support/run-pipeline.ts';

const rendition = (folder: string) => join(folder, jobFiles.rendition);

t.test('interlaced pictures come out without combs, progressive ones as they were', async (t) => {
  const edit = await openEdit(t);
  const bar = 'color=black:s=720x576:r=50:d=1[b];color=white:s=80x576:r=50:d=1[w];[b][w]overlay=x=mod(n*20\\,600):y=0';
  const flags = (...marks: string[]) => ['-flags', '+ilme+ildct', '-x264opts', marks.join(':')];
  const cases: [string, string, string[]][] = [
    ['top field first', 'tinterlace=interleave_top,setfield=tff', flags('tff=1')],
    ['bottom field first', 'tinterlace=interleave_bottom,setfield=bff', flags('bff=1')],
    ['not marked', 'tinterlace=interleave_top,setfield=prog', []],
    ['marked, and progressive', 'fps=25,setfield=tff', flags('tff=1')],
  ];
  for (const [name, fields, encode] of cases) {
    const folder = await edit(t, (path) =>
      ffmpeg('-filter_complex', `${bar},${fields}`, ...x264, ...encode, '-f', 'mp4', path),
    );
    const teeth = await countTeeth(rendition(folder));
    t.equal(teeth, 0, name);
  }
});

t.test('codecs that are not accepted are named', async (t) => {
  const edit = await openEdit(t);
  const folder = await makeFolder(t);
  for (const codec of ['prores', 'qtrle', 'mjpeg', 'png', 'h263', 'cinepak', 'mpeg2video']) {
    const path = join(folder, `${codec}.mov`);
    await ffmpeg(...lavfi('testsrc2=size=176x144:rate=25:duration=0.2'), '-c:v', codec, '-f', 'mov', path);
    const attempt = edit(t, (source) => ffmpeg('-i', path, '-c', 'copy', '-f', 'mov', source));
    await t.rejects(attempt, { name: 'InvalidVideoError', message: new RegExp(`encoded as ${codec};`) }, codec);
  }
});

t.test('HDR white is white', async (t) => {
  const edit = await openEdit(t);
  const tags = 'log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc';
  // 203 nits, the reference white, is 0.58 of the PQ scale.
  const white = 'color=black:size=320x180:rate=10:duration=0.5,format=yuv420p10le,geq=lum=572:cb=512:cr=512';
  const hevc = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', tags];
  const folder = await edit(t, (path) => ffmpeg(...lavfi(white), ...hevc, '-f', 'mp4', path));
  const colours = await pixel(rendition(folder), 0, 640, 360);
  t.ok(
    colours.every((value) => value > 235),
    `${colours}`,
  );
});

/** Pixels of a frame between two lines that are alike and unlike them, as combs have them. */
async function countTeeth(path: string): Promise<number> {
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-ss', '0.4', '-i', path, '-frames:v', '1', ...gray], binary);
  const pixels = Buffer.from(stdout);
  let teeth = 0;
  for (let at = 1280; at + 1280 < pixels.length; at += 1) {
    const [above = 0, here = 0, below = 0] = [pixels[at - 1280], pixels[at], pixels[at + 1280]];
    if (Math.abs(above - below) < 20 && Math.min(Math.abs(here - above), Math.abs(here - below)) > 30) teeth += 1;
  }
  return teeth;
}

const gray = ['-vf', 'crop=iw-400:ih:0:0,pad=1280:ih,format=gray', '-f', 'rawvideo', '-'];
const binary = { encoding: 'buffer' } as const;
