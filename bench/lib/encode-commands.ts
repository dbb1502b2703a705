import { copyFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { findAsset } from '../../worker/asset-files.ts';
import { ffmpegArguments, jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { readCost } from '../../worker/ffmpeg-output.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';

export interface Cost {
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

/** A way to make a rendition: reads source.mp4 and logo.png in `folder` and writes rendition.mp4 there. */
export interface EncodeCommand {
  readonly name: string;
  /** Whether scaling follows the source's colour matrix and shape, as the service does. */
  readonly isOurs: boolean;
  /** How many clips are encoded at a time. */
  readonly atOnce: number;
  encode(ffmpeg: string, folder: string, source: SourceFacts): Promise<Cost>;
}

/** The service's profile with one thread per clip, and a clip for each processor, as the worker does with a full queue. */
export const ownCommand: EncodeCommand = {
  name: 'ours',
  isOurs: true,
  atOnce: availableParallelism(),
  encode: (ffmpeg, folder, source) => runPass(ffmpeg, folder, ffmpegArguments(showcaseProfile, source, 1)),
};

const fit = 'scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=1280:720:-1:-1,setsar=1';
const logo = 'overlay=W-w-24:24';
const x264 = ['-c:v', 'libx264', '-preset', 'faster', '-crf', '23', '-pix_fmt', 'yuv420p'];
const fast = ['-movflags', '+faststart'];

/** Everything in one command, with FFmpeg's default threads and scaler. */
export const baselineCommand: EncodeCommand = {
  name: '(a) baseline command',
  isOurs: false,
  atOnce: 1,
  encode(ffmpeg, folder) {
    const inputs = ['-y', '-t', '30', '-i', jobFiles.source, '-i', jobFiles.logo];
    const filters = ['-filter_complex', `[0:v]${fit}[v];[v][1:v]${logo}[out]`, '-map', '[out]', '-an'];
    return runPass(ffmpeg, folder, [...inputs, ...filters, ...x264, ...fast, jobFiles.rendition]);
  },
};

/** One pass for each feature, each from the file of the pass before. */
export const passesCommand: EncodeCommand = {
  name: '(b) a pass per feature',
  isOurs: false,
  atOnce: 1,
  async encode(ffmpeg, folder) {
    const keep = [...x264, '-c:a', 'copy'];
    const passes = [
      ['-i', jobFiles.source, '-t', '30', ...keep, 'trimmed.mp4'],
      ['-i', 'trimmed.mp4', '-vf', fit, ...keep, 'scaled.mp4'],
      ['-i', 'scaled.mp4', '-i', jobFiles.logo, '-filter_complex', logo, ...keep, 'marked.mp4'],
      ['-i', 'marked.mp4', '-an', '-c:v', 'copy', ...fast, jobFiles.rendition],
    ];
    const costs: Cost[] = [];
    for (const pass of passes) costs.push(await runPass(ffmpeg, folder, ['-y', ...pass]));
    return {
      cpuSeconds: costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0),
      peakMemoryMiB: Math.max(...costs.map((cost) => cost.peakMemoryMiB)),
    };
  },
};

export function copyInputs(folder: string, clipPath: string): void {
  copyFileSync(clipPath, join(folder, jobFiles.source));
  copyFileSync(findAsset(showcaseProfile.logo), join(folder, jobFiles.logo));
}

/** Reads user and system time and peak memory from FFmpeg's own report. */
async function runPass(ffmpeg: string, folder: string, args: readonly string[]): Promise<Cost> {
  const command = ['-n', '10', ffmpeg, '-benchmark', '-nostdin', ...args];
  const { output } = await runTool('nice', command, { cwd: folder });
  const { cpuSeconds, peakBytes } = readCost(output);
  return { cpuSeconds, peakMemoryMiB: peakBytes / 1024 / 1024 };
}
