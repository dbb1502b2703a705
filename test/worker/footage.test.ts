import { join } from 'node:path';
import t, { type Test } from 'tap';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { lavfi, x264 } from '../support/clip.ts';
import { ffmpeg, look, makeClip, pixel } from './support/clips.ts';
import { durationAt, matrixAt, replaceOnce, setField } from './support/mp4-edits.ts';
import { openEdit } from './support/run-pipeline.ts';

const clip = makeClip('160x90', 3, '10', [...x264, '-g', '10']);
const fragmented = makeClip('160x90', 3, '10', [...x264, '-g', '10', '-movflags', 'frag_keyframe+empty_moov']);
const card = (size: string, seconds: number) => lavfi(`testsrc2=size=${size}:rate=10:duration=${seconds}`);
const sound = (seconds: number) => lavfi(`sine=duration=${seconds}`);
const rendition = (folder: string) => join(folder, jobFiles.rendition);

async function secondsOf(folder: string): Promise<number> {
  return Number((await look(rendition(folder))).streams[0]?.['duration']);
}

/** Edits each clip and compares its length. */
async function expectSeconds(
  t: Test,
  cases: Record<string, [number, (path: string) => Promise<unknown>]>,
): Promise<void> {
  const edit = await openEdit(t);
  for (const [name, [expected, make]] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const folder = await edit(t, make);
      const seconds = await secondsOf(folder);
      // FFmpeg 7 leaves a frame out behind a gap and one at the end.
      t.ok(Math.abs(seconds - expected) <= 0.25, `${seconds} s of ${expected} s`);
      const poster = await look(join(folder, jobFiles.poster));
      t.match(poster.streams[0], { width: 1280, height: 720 });
    });
  }
}

t.test('a clip is as long as its samples last, whatever its headers say', async (t) => {
  const wrong =
    (type: keyof typeof durationAt, value: number, make = clip) =>
    async (path: string) => {
      await make(path);
      await setField(path, type, durationAt[type], [value]);
    };
  await expectSeconds(t, {
    'a short duration of the media': [3, wrong('mdhd', 10240)],
    'an unknown duration of the media': [3, wrong('mdhd', 0xffffffff)],
    'an unknown duration of the movie': [3, wrong('mvhd', 0xffffffff)],
    'a duration of the movie of a month': [3, wrong('mvhd', 2_592_000_000)],
    'a short duration of the track': [3, wrong('tkhd', 1000)],
    'a short edit that the track does not have': [3, wrong('elst', 1000)],
    'fragments of an unknown duration': [3, wrong('mdhd', 0xffffffff, fragmented)],
    'fragments of a movie of a month': [3, wrong('mvhd', 2_592_000_000, fragmented)],
    'an edit that begins behind the end': [
      3,
      async (path) => {
        await clip(path);
        await setField(path, 'elst', durationAt.elst + 4, [1_000_000]);
      },
    ],
    'a cut that an editor made': [
      1,
      async (path) => {
        await clip(path);
        await setField(path, 'elst', durationAt.elst, [1000]);
        await setField(path, 'tkhd', durationAt.tkhd, [1000]);
      },
    ],
    'sound that goes on': [
      3,
      (path) => ffmpeg(...card('160x90', 3), ...sound(9), ...x264, '-c:a', 'aac', '-f', 'mp4', path),
    ],
    'a slide show': [12, makeClip('160x90', 12, '1/4')],
    'one picture for ten seconds': [10, makeClip('160x90', 10, '1/10')],
  });
});

t.test('gaps in time show the picture before them, in bounded memory', async (t) => {
  const jump = (seconds: number) => `setpts=PTS+if(gt(N\\,10)\\,${seconds}/TB\\,0)`;
  const fineTimes = '-fps_mode vfr -bf 0 -video_track_timescale 90000'.split(' ');
  const gap = (seconds: number) => (path: string) =>
    ffmpeg(...card('640x360', 2), '-vf', jump(seconds), ...x264, ...fineTimes, '-f', 'mp4', path);
  await expectSeconds(t, {
    'a still in the middle': [17, gap(15)],
    'a still beyond the end': [30, gap(60)],
    'a jump of nine minutes': [30, gap(540)],
  });
});

t.test('the format changes in mid-stream: the whole clip, with the logo to its end', async (t) => {
  const edit = await openEdit(t);
  const changes: Record<string, [string[], string[]]> = {
    'another size': [
      ['-vf', 'scale=320:180'],
      ['-vf', 'scale=180:320'],
    ],
    'another pixel format': [
      ['-pix_fmt', 'yuv420p'],
      ['-pix_fmt', 'yuv444p'],
    ],
    'another range': [
      ['-pix_fmt', 'yuv420p'],
      ['-pix_fmt', 'yuvj420p'],
    ],
    '10 bit': [
      ['-pix_fmt', 'yuv420p'],
      ['-pix_fmt', 'yuv420p10le'],
    ],
  };
  for (const [name, parts] of Object.entries(changes)) {
    const folder = await edit(t, async (path) => {
      for (const [i, change] of parts.entries()) {
        const white = `color=white:size=320x180:rate=10:duration=${2 + i}`;
        await ffmpeg(...lavfi(white), ...x264, ...change, `${path}.${i}.ts`);
      }
      await ffmpeg('-i', `concat:${path}.0.ts|${path}.1.ts`, '-c', 'copy', '-f', 'mp4', path);
    });
    t.ok(Math.abs((await secondsOf(folder)) - 5) <= 0.15, `${name}: ${await secondsOf(folder)} s of 5 s`);
    for (const second of [0.5, 4.5]) {
      const [r, g] = await pixel(rendition(folder), second, 1280 - 24 - 108, 32);
      t.ok(r < 140 && g < 140, `${name}: the logo after ${second} s`);
      const middle = await pixel(rendition(folder), second, 640, 360);
      t.ok(
        middle.every((value) => value > 240),
        `${name}: white after ${second} s, ${middle}`,
      );
    }
  }
});

t.test('only the picture that is shown matters', async (t) => {
  const still = lavfi('color=size=64x64:duration=0.1:rate=10');
  const both = [...still, ...card('160x90', 3), '-map', '0', '-map', '1'];
  const twoTracks = [...card('96x64', 6), ...card('160x90', 3), '-map', '0', '-map', '1', ...x264];
  const onlySecond = '-disposition:v:0 0 -disposition:v:1 default'.split(' ');
  await expectSeconds(t, {
    'a thumbnail before the film': [
      3,
      (path) => ffmpeg(...both, '-c:v:0', 'mjpeg', '-c:v:1', 'libx264', '-f', 'mp4', path),
    ],
    'a thumbnail in the film’s codec': [3, (path) => ffmpeg(...both, ...x264, '-f', 'mp4', path)],
    'a longer track that is disabled': [3, (path) => ffmpeg(...twoTracks, ...onlySecond, '-f', 'mp4', path)],
    'sound that cannot be opened': [
      3,
      async (path) => {
        await ffmpeg(...card('160x90', 3), ...sound(3), ...x264, '-c:a', 'aac', '-ac', '1', '-f', 'mp4', path);
        await replaceOnce(path, Buffer.from('120856e500', 'hex'), Buffer.from('f948200000', 'hex'));
      },
    ],
    'a title that reads as marks of encryption': [
      3,
      makeClip('160x90', 3, '10', [...x264, '-metadata', 'title=Me encanta la sinfonía, encv sinf']),
    ],
  });
});

t.test('impossible marks count as none', async (t) => {
  const marked = (matrix: number) =>
    makeClip('160x90', 1, '10', [...x264, '-bsf:v', `h264_metadata=matrix_coefficients=${matrix}`]);
  const turned =
    (...matrix: number[]) =>
    async (path: string) => {
      await clip(path);
      await setField(path, 'tkhd', matrixAt.tkhd, matrix);
    };
  await expectSeconds(t, {
    'RGB that is YUV': [1, marked(0)],
    'constant luminance': [1, marked(10)],
    'no matrix at all': [3, turned(0, 0, 0, 0, 0, 0, 0, 0, 0)],
    'a slanting picture': [3, turned(46341, 46341, 0, -46341, 46341, 0, 0, 0, 0x40000000)],
    'pixels a thousand times as wide': [1, makeClip('160x90', 1, '10', ['-vf', 'setsar=1000', ...x264])],
  });
});
