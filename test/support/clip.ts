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

/** The path of an MP4 (H.264, AAC) that FFmpeg made; the same options give the same file all through a test run. */
export async function makeClip({ seconds = 2, size = '320x240', hasSound = true }: ClipOptions = {}): Promise<string> {
  const folder = join(tmpdir(), 'clips');
  const path = join(folder, `${seconds}s-${size}${hasSound ? '' : '-silent'}.mp4`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  // Test files run side by side: the clip is moved to its name when it is whole.
  const unfinished = `${path}.${process.pid}.mp4`;
  const sound = hasSound ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-c:a', 'aac'] : [];
  await runTool(requireSetting('FFMPEG_PATH'), [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`],
    ...sound,
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-movflags', '+faststart', unfinished],
  ]);
  renameSync(unfinished, path);
  return path;
}
