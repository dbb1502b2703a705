import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkClaim } from '../src/database/video-jobs.ts';
import { transcodeWallMs } from '../src/limits.ts';
import { findAsset } from './asset-files.ts';
import type { WorkerDeps } from './deps.ts';
import { ffmpegArguments, jobFiles, transcodeOutputs } from './ffmpeg-arguments.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import type { TranscodeCost } from './pool.ts';
import { probeRendition, probeSource } from './probe.ts';
import { openProgressWriter } from './progress.ts';
import { publish } from './publish.ts';
import type { SourceFacts } from './source-facts.ts';
import { toolLimits, usefulJobThreads } from './tool-limits.ts';

/** What a job did and what it cost so far, for its one line in the log. CPU and memory are those of its FFmpeg. */
export interface JobCost {
  threads: number;
  cpuSeconds: number;
  peakBytes: number;
  bytesIn: number;
  bytesOut: number;
  /** By stage. */
  seconds: Record<string, number>;
}

export function openCost(): JobCost {
  return { threads: 0, cpuSeconds: 0, peakBytes: 0, bytesIn: 0, bytesOut: 0, seconds: {} };
}

/**
 * Takes a claimed video through all stages, in a folder of its own, and keeps account in `cost`. Rejects with the reason
 * there is no rendition.
 */
export async function runPipeline(
  parts: WorkerDeps,
  claim: WorkClaim,
  folder: string,
  stop: AbortSignal,
  cost: JobCost,
): Promise<void> {
  const progress = openProgressWriter(parts.sql, claim);
  const signal = AbortSignal.any([stop, progress.lost]);
  const time = openStages(parts, cost);

  cost.bytesIn = await time('download', () => download(parts, claim, folder, signal));
  const source = await time('probe', () => probeSource(parts, folder, signal));
  const threadsMax = Math.min(parts.capacity.threadsMax, usefulJobThreads(source, parts.profile.height));
  const share = await time('turn', () => parts.threadBudget.acquire(parts.isOnlyActiveJob, signal, threadsMax));
  cost.threads = share.threads;
  try {
    const run = () => transcode(parts, source, share.threads, folder, signal, progress.tell);
    const { cpuSeconds, peakBytes } = await time('transcode', run);
    Object.assign(cost, { cpuSeconds, peakBytes });
  } finally {
    share.release();
    await progress.end();
  }
  await time('check', () => probeRendition(parts, folder, parts.profile, source, signal));
  cost.bytesOut = await time('publish', () => publish(parts, claim, folder, signal));
}

async function download(parts: WorkerDeps, claim: WorkClaim, folder: string, signal: AbortSignal): Promise<number> {
  if (claim.original_url === null) throw new InvalidVideoError('The file of this video never arrived.');
  await copyFile(findAsset(parts.profile.logo), join(folder, jobFiles.logo));
  try {
    return await parts.objects.getToFile(claim.original_url, join(folder, jobFiles.source), signal);
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchKey') throw new InvalidVideoError('The uploaded file is gone.');
    throw error;
  }
}

function transcode(
  parts: WorkerDeps,
  source: SourceFacts,
  threads: number,
  folder: string,
  signal: AbortSignal,
  onPercent: (percent: number) => void,
): Promise<TranscodeCost> {
  const { profile, sandbox, tools } = parts;
  const limits = toolLimits(parts.capacity, source, threads);
  const cpuSeconds = Math.ceil(transcodeWallMs / 1000) * threads;
  const runLimits = { cpuSeconds, bounds: limits, outputs: transcodeOutputs };
  return parts.pool.transcode({
    ...sandbox.wrap(folder, tools.ffmpeg, ffmpegArguments(profile, source, threads), runLimits),
    folder,
    wallMs: transcodeWallMs,
    seconds: Math.min(profile.seconds, source.seconds),
    signal,
    onPercent,
  });
}

function openStages({ metrics }: WorkerDeps, cost: JobCost) {
  return async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      const taken = (performance.now() - startedAt) / 1000;
      cost.seconds[stage] = Math.round(taken * 1000) / 1000;
      metrics.runSeconds.observe({ stage }, taken);
    }
  };
}
