import { mkdirSync } from 'node:fs';
import type { Cgroup } from '../../scripts/lib/cgroup.ts';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { median } from '../../scripts/lib/statistics.ts';
import { ffmpegArguments } from '../../worker/ffmpeg-arguments.ts';
import { readCost } from '../../worker/ffmpeg-output.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import { copyInputs } from './encode-commands.ts';

const runs = 5;

/**
 * Measures the CPU seconds of FFmpeg that its own report does not include: the report starts when the libraries are loaded
 * and ends before the memory is returned. They are the same for every length of clip.
 */
export async function measureLaunchSeconds(ffmpeg: string, folder: string, clip: string, cpu: Cgroup): Promise<number> {
  mkdirSync(folder);
  copyInputs(folder, clip);
  const unreported: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    const before = cpu.usedSeconds();
    const args = cpu.enter(ffmpeg, ffmpegArguments(showcaseProfile, source, 1));
    const { output } = await runTool('sh', args, { cwd: folder });
    unreported.push(cpu.usedSeconds() - before - readCost(output).cpuSeconds);
  }
  return median(unreported);
}

export async function makeShortClip(ffmpeg: string, path: string): Promise<string> {
  const input = `testsrc2=size=${source.width}x${source.height}:rate=30:duration=${source.seconds}`;
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', path];
  await runTool(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', input, ...encode]);
  return path;
}

const source: SourceFacts = {
  streamIndex: 0,
  codec: 'h264',
  width: 1920,
  height: 1080,
  seconds: 0.5,
  pixelFormat: 'yuv420p',
  indexedSeconds: 0.5,
  startSeconds: 0,
  frameSeconds: Array.from({ length: 15 }, (_, i) => i / 30),
  declaredRates: ['30/1'],
  matrix: '',
  transfer: '',
  primaries: '',
  range: '',
  isMarkedInterlaced: false,
  interlacing: undefined,
};
