import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { requireSetting } from './settings.ts';

export interface ClipOptions {
  seconds?: number;
  size?: `${number}x${number}`;
  hasSound?: boolean;
}

/** Options of FFmpeg for H.264 in the format that most players expect, encoded quickly. */
export const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

/** Options of FFmpeg for an input that a filter generates. */
export const lavfi = (filter: string): string[] => ['-f', 'lavfi', '-i', filter];

/** Returns the path of an MP4 (H.264, AAC). */
export function makeClip({ seconds = 2, size = '320x240', hasSound = true }: ClipOptions = {}): Promise<string> {
  const picture = lavfi(`testsrc2=size=${size}:rate=25:duration=${seconds}`);
  const sound = hasSound ? [...lavfi(`sine=frequency=440:duration=${seconds}`), '-c:a', 'aac'] : [];
  return makeOnce([...picture, ...sound, ...x264, '-movflags', '+faststart']);
}

/** Returns the path of an MP4 that FFmpeg made with these arguments. A test run makes each file once; no test may change it. */
export async function makeOnce(args: readonly string[]): Promise<string> {
  const folder = join(tmpdir(), 'clips');
  const path = join(folder, `${createHash('sha256').update(args.join('\0')).digest('hex')}.mp4`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  // Test files run side by side: the clip is moved to its name when it is whole.
  const unfinished = `${path}.${randomUUID()}`;
  const quiet = ['-v', 'error', '-nostdin', '-y'];
  await runTool(requireSetting('FFMPEG_PATH'), [...quiet, ...args, '-f', 'mp4', unfinished]);
  renameSync(unfinished, path);
  return path;
}
