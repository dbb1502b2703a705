import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from '../../scripts/lib/run-tool.ts';

export interface Clip {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Noise like a camera's: without noise, a generated picture is easier to encode than filmed footage. */
const noise = 'noise=alls=4:allf=t';
/** A bit rate and a preset like a phone's encoder. */
const camera = '-t 4 -c:v libx264 -preset veryfast -pix_fmt yuv420p -b:v 16M -maxrate 20M -bufsize 16M'.split(' ');
const sound = ['-f', 'lavfi', '-i', 'sine=frequency=330:duration=4'];

/** Clips of 4 s that FFmpeg generates, in the shapes that players upload. */
const recipes: Readonly<Record<string, readonly string[]>> = {
  'patterns 2560x1440': [...generate('testsrc2=size=2560x1440:rate=30'), '-vf', noise, ...camera],
  'zoom 1920x1080 with sound': [
    ...generate('mandelbrot=size=1920x1080:rate=30:end_scale=0.05:maxiter=120'),
    ...sound,
    '-vf',
    noise,
    ...camera,
    '-c:a',
    'aac',
    '-shortest',
  ],
  'phone 1080x1920': [
    ...generate('mandelbrot=size=1920x1080:rate=30:start_scale=0.8:maxiter=120'),
    '-vf',
    noise,
    ...camera,
  ],
  // Edited videos begin and end with fades.
  'fades 1280x720': [
    ...generate('mandelbrot=size=1280x720:rate=30:start_scale=0.8:maxiter=120'),
    '-vf',
    `${noise},fade=t=in:d=1,fade=t=out:st=2.5:d=1.5`,
    ...camera,
  ],
  'cells 1280x720 at 60 frames': [
    ...generate('life=size=320x180:rate=60:mold=10:life_color=0x40c0ff:death_color=0x203040:seed=7'),
    '-vf',
    `scale=1280:720:flags=bilinear,${noise}`,
    ...camera,
  ],
};

/** Generates the clips, and copies the first seconds of every MP4 in `mediaFolders` (footage that is not in this repository). */
export async function prepareClips(ffmpeg: string, folder: string, mediaFolders: readonly string[]): Promise<Clip[]> {
  mkdirSync(folder, { recursive: true });
  const clips: Clip[] = [];
  const make = async (name: string, write: (path: string) => Promise<unknown>) => {
    const path = join(folder, `clip-${clips.length + 1}.mp4`);
    await write(path);
    clips.push({ name, path, bytes: statSync(path).size });
  };
  for (const [name, recipe] of Object.entries(recipes)) {
    await make(name, async (path) => {
      await run(ffmpeg, [...recipe, path]);
      if (name.startsWith('phone')) await rotate(ffmpeg, path);
    });
  }
  for (const source of mediaFolders.flatMap(listVideos)) {
    // Copies the packets, so that nothing is encoded twice.
    const cut = ['-i', source, '-t', '5', '-map', '0:v:0', '-map', '0:a:0?', '-c', 'copy'];
    await make(basename(source, '.mp4'), (path) => run(ffmpeg, [...cut, path]));
  }
  return clips;
}

function generate(source: string): string[] {
  return ['-f', 'lavfi', '-i', source];
}

/** A phone stores an upright video in landscape, with a rotation in its metadata. */
async function rotate(ffmpeg: string, path: string): Promise<void> {
  const rotated = `${path}.rotated.mp4`;
  await run(ffmpeg, ['-i', path, '-c', 'copy', '-metadata:s:v', 'rotate=90', rotated]);
  await run(ffmpeg, ['-i', rotated, '-c', 'copy', path]);
}

function listVideos(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.mp4'))
    .sort()
    .map((name) => join(folder, name));
}

function run(ffmpeg: string, args: readonly string[]): Promise<unknown> {
  return runTool('nice', ['-n', '10', ffmpeg, '-v', 'error', '-nostdin', '-y', ...args]);
}
