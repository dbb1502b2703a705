import { mkdirSync } from 'node:fs';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { median } from '../../scripts/lib/statistics.ts';
import { ffmpegArguments, jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { readCost } from '../../worker/ffmpeg-output.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import type { CpuGroup } from './cpu-group.ts';
import { layOut } from './encode-ways.ts';

const runs = 5;

/**
 * The CPU seconds that a bare FFmpeg takes and does not tell of: its account begins when its libraries are loaded, and ends
 * before it gives its memory back. The same for every length of clip.
 */
export async function measureLaunchSeconds(
  ffmpeg: string,
  folder: string,
  clip: string,
  cpu: CpuGroup,
): Promise<number> {
  mkdirSync(folder);
  layOut(folder, { name: jobFiles.source, path: clip, bytes: 0 });
  const untold: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    const before = cpu.readSeconds();
    const { output } = await cpu.run(ffmpeg, ffmpegArguments(showcaseProfile, source, 1), folder);
    untold.push(cpu.readSeconds() - before - readCost(output).cpuSeconds);
  }
  return median(untold);
}

export async function makeShortClip(ffmpeg: string, path: string): Promise<string> {
  const made = `testsrc2=size=${source.width}x${source.height}:rate=30:duration=${source.seconds}`;
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', path];
  await runTool(ffmpeg, ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', made, ...encode]);
  return path;
}

const source: SourceFacts = {
  ...{ streamIndex: 0, codec: 'h264', width: 1920, height: 1080, seconds: 0.5, pixelFormat: 'yuv420p' },
  ...{ indexedSeconds: 0.5, startSeconds: 0, frameSeconds: Array.from({ length: 15 }, (_, i) => i / 30) },
  ...{ declaredRates: ['30/1'], matrix: '', transfer: '', primaries: '', range: '' },
  ...{ isMarkedInterlaced: false, interlacing: undefined },
};
