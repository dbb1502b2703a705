import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkClaim } from '../src/database/video-jobs.ts';
import { findAsset } from './asset-files.ts';
import type { WorkerDeps } from './deps.ts';
import { ffmpegArguments, jobFiles, transcodeOutputs } from './ffmpeg-arguments.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { transcodeWallMs } from './limits.ts';
import type { TranscodeCost } from './pool.ts';
import { probeRendition, probeSource } from './probe.ts';
import { openProgressWriter } from './progress.ts';
import { publish } from './publish.ts';
import type { SourceFacts } from './source-facts.ts';
import { toolLimits, usefulJobThreads } from './tool-limits.ts';

/** The cost of a job so far, for its log line. CPU time and memory are those of FFmpeg. */
export interface JobCost {
  threads: number;
  cpuSeconds: number;
  peakBytes: number;
  bytesIn: number;
  bytesOut: number;
  /** The duration of each stage. */
  seconds: Record<string, number>;
}

export function openCost(): JobCost {
  return { threads: 0, cpuSeconds: 0, peakBytes: 0, bytesIn: 0, bytesOut: 0, seconds: {} };
}

/**
 * Runs all stages of a claimed video in its folder and adds their cost to `cost`. Rejects with the reason why there is no
 * rendition.
 */
export async function runPipeline(
  deps: WorkerDeps,
  claim: WorkClaim,
  folder: string,
  stop: AbortSignal,
  cost: JobCost,
): Promise<void> {
  const progress = openProgressWriter(deps.sql, claim);
  const signal = AbortSignal.any([stop, progress.stale]);
  const time = openStages(deps, cost);

  cost.bytesIn = await time('download', () => download(deps, claim, folder, signal));
  const source = await time('probe', () => probeSource(deps, folder, signal));
  const threadsMax = Math.min(deps.capacity.threadsMax, usefulJobThreads(source, deps.profile.height));
  const lease = await time('cpu_wait', () => deps.cpuSemaphore.acquire(deps.isOnlyActiveJob, signal, threadsMax));
  cost.threads = lease.weight;
  try {
    const run = () => transcode(deps, source, lease.weight, folder, signal, progress.report);
    const { cpuSeconds, peakBytes } = await time('transcode', run);
    Object.assign(cost, { cpuSeconds, peakBytes });
  } finally {
    lease.release();
    await progress.end();
  }
  await time('check', () => probeRendition(deps, folder, deps.profile, source, signal));
  cost.bytesOut = await time('publish', () => publish(deps, claim, folder, signal));
}

async function download(deps: WorkerDeps, claim: WorkClaim, folder: string, signal: AbortSignal): Promise<number> {
  if (claim.original_url === null) throw new InvalidVideoError('The file of this video never arrived.');
  await copyFile(findAsset(deps.profile.logo), join(folder, jobFiles.logo));
  try {
    return await deps.objects.getToFile(claim.original_url, join(folder, jobFiles.source), signal);
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchKey') throw new InvalidVideoError('The uploaded file is gone.');
    throw error;
  }
}

function transcode(
  deps: WorkerDeps,
  source: SourceFacts,
  threads: number,
  folder: string,
  signal: AbortSignal,
  onPercent: (percent: number) => void,
): Promise<TranscodeCost> {
  const { profile, sandbox, tools } = deps;
  const limits = toolLimits(deps.capacity, source, threads);
  const cpuSeconds = Math.ceil(transcodeWallMs / 1000) * threads;
  const runLimits = { cpuSeconds, bounds: limits, outputs: transcodeOutputs };
  return deps.pool.transcode({
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
