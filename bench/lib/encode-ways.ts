import { copyFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { findAsset } from '../../worker/asset-files.ts';
import { ffmpegArguments, jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { readCost } from '../../worker/ffmpeg-output.ts';
import { type Profile, showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import type { Clip } from './encode-clips.ts';

export interface Cost {
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

/** One way to make a rendition: in `folder`, from its source.mp4 and logo.png to its rendition.mp4. */
export interface Way {
  readonly name: string;
  /** Whether its scaling follows colours and shape as the service does. */
  readonly isOurs: boolean;
  /** So many clips are encoded at a time. */
  readonly atOnce: number;
  encode(ffmpeg: string, folder: string, source: SourceFacts): Promise<Cost>;
}

export function ownWay(name: string, profile: Profile, threads: number): Way {
  const encode: Way['encode'] = (ffmpeg, folder, source) =>
    runPass(ffmpeg, folder, ffmpegArguments(profile, source, threads));
  // As the worker does with a line of videos.
  return { name, isOurs: true, atOnce: Math.max(1, Math.floor(availableParallelism() / threads)), encode };
}

const fit = 'scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=1280:720:-1:-1,setsar=1';
const logo = 'overlay=W-w-24:24';
const x264 = ['-c:v', 'libx264', '-preset', 'faster', '-crf', '23', '-pix_fmt', 'yuv420p'];
const fast = ['-movflags', '+faststart'];

/** What comes to mind first: everything in one command, with FFmpeg's own threads and scaler. */
export const baselineCommand: Way = {
  name: '(a) obvious command',
  isOurs: false,
  atOnce: 1,
  encode: (ffmpeg, folder) =>
    runPass(ffmpeg, folder, [
      ...['-y', '-t', '30', '-i', jobFiles.source, '-i', jobFiles.logo],
      ...['-filter_complex', `[0:v]${fit}[v];[v][1:v]${logo}[out]`, '-map', '[out]', '-an', ...x264, ...fast],
      jobFiles.rendition,
    ]),
};

/** A pass for each thing that was asked for, each from the file of the one before. */
export const passesWay: Way = {
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

export function layOut(folder: string, clip: Clip): void {
  copyFileSync(clip.path, join(folder, jobFiles.source));
  copyFileSync(findAsset(showcaseProfile.logo), join(folder, jobFiles.logo));
}

/** FFmpeg tells its own user and system time and the most memory it held. */
async function runPass(ffmpeg: string, folder: string, args: readonly string[]): Promise<Cost> {
  const command = ['-n', '10', ffmpeg, '-benchmark', '-nostdin', ...args];
  const { output } = await runTool('nice', command, { cwd: folder });
  const { cpuSeconds, peakBytes } = readCost(output);
  return { cpuSeconds, peakMemoryMiB: peakBytes / 1024 / 1024 };
}
