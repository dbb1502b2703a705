import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { findAsset } from '../../../worker/asset-files.ts';
import { jobFiles } from '../../../worker/ffmpeg-arguments.ts';
import { showcaseProfile } from '../../../worker/profile.ts';
import { openSandbox } from '../../../worker/sandbox.ts';
import { workerCapacity } from '../../../worker/tool-limits.ts';
import { findTools } from '../../../worker/tools.ts';
import { lavfi, makeOnce, x264 } from '../../support/clip.ts';

export const run = promisify(execFile);

/** Creates a folder that is removed when the test ends. */
export async function makeFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'worker-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a job's folder as process-video does: the logo, and the source, which `make` writes to the path it gets. */
export async function makeJobFolder(t: Test, make: (source: string) => Promise<unknown>): Promise<string> {
  const folder = await makeFolder(t);
  await copyFile(findAsset(showcaseProfile.logo), join(folder, jobFiles.logo));
  await make(join(folder, jobFiles.source));
  return folder;
}

export async function openParts(t: Test) {
  const tools = await findTools({
    ffmpegPath: process.env['FFMPEG_PATH'],
    ffprobePath: process.env['FFPROBE_PATH'],
    searchPath: process.env['PATH'] ?? '',
  });
  const capacity = workerCapacity({ cores: 2, memoryBytes: 4 * 1024 ** 3 });
  return { tools, sandbox: await openSandbox(tools, await makeFolder(t)), capacity };
}

const quiet = ['-v', 'error', '-nostdin', '-y'];

export async function ffmpeg(...args: string[]): Promise<void> {
  await run('ffmpeg', [...quiet, ...args]);
}

/** Returns a function that writes the clip to a path. `size` as 640x360; `encode` are FFmpeg's output options. */
export function makeClip(size: string, seconds: number, rate: string, encode: string[] = x264) {
  const card = `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`;
  return async (path: string) => copyFile(await makeOnce([...lavfi(card), ...encode]), path);
}

export interface Look {
  readonly streams: readonly Record<string, string | number>[];
  readonly format: Record<string, string>;
}

export async function look(path: string): Promise<Look> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', path]);
  return JSON.parse(stdout);
}

/** Returns one pixel of a frame as [red, green, blue]. */
export async function pixel(path: string, second: number, x: number, y: number): Promise<[number, number, number]> {
  const matrix = 'scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_int,format=rgb24';
  const frame = ['-v', 'error', '-ss', String(second), '-i', path, '-frames:v', '1'];
  const raw = ['-vf', `${matrix},crop=1:1:${x}:${y}`, '-f', 'rawvideo', '-'];
  const { stdout } = await run('ffmpeg', [...frame, ...raw], { encoding: 'buffer' });
  return [stdout[0] ?? -1, stdout[1] ?? -1, stdout[2] ?? -1];
}
