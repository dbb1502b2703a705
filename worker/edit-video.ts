import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkClaim } from '../src/database/video-jobs.ts';
import { transcodeWallMs } from '../src/limits.ts';
import { ffmpegArguments, jobFiles } from './ffmpeg-arguments.ts';
import { logoPath } from './logo.ts';
import type { WorkerParts } from './parts.ts';
import type { TranscodeCost } from './pool.ts';
import { probeRendition, probeSource } from './probe.ts';
import { openProgressWriter } from './progress.ts';
import { publish } from './publish.ts';
import type { SourceFacts } from './source-facts.ts';
import { VideoRefused } from './video-refused.ts';

/** What a job did and what it cost, for its one line in the log. CPU and memory are FFmpeg's. */
export interface EditSummary extends TranscodeCost {
  readonly threads: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly seconds: Record<string, number>;
}

/** Takes a claimed video through all stages, in a folder of its own. Rejects with the reason there is no rendition. */
export async function editVideo(
  parts: WorkerParts,
  claim: WorkClaim,
  folder: string,
  stop: AbortSignal,
): Promise<EditSummary> {
  const progress = openProgressWriter(parts.sql, claim);
  const signal = AbortSignal.any([stop, progress.lost]);
  const stages = openStages(parts);

  const bytesIn = await stages.time('download', () => download(parts, claim, folder, signal));
  const source = await stages.time('probe', () => probeSource(parts, folder, signal));
  const share = await stages.time('turn', () => parts.threadBudget.acquire(parts.isAlone, signal));
  let cost: TranscodeCost;
  try {
    const run = () => transcode(parts, source, share.threads, folder, signal, progress.tell);
    cost = await stages.time('transcode', run);
  } finally {
    share.release();
    await progress.end();
  }
  await stages.time('check', () => probeRendition(parts, folder, parts.profile, source, signal));
  const bytesOut = await stages.time('publish', () => publish(parts, claim, folder, signal));
  const { cpuSeconds, peakBytes } = cost;
  return { cpuSeconds, peakBytes, threads: share.threads, bytesIn, bytesOut, seconds: stages.seconds };
}

async function download(parts: WorkerParts, claim: WorkClaim, folder: string, signal: AbortSignal): Promise<number> {
  if (claim.original_url === null) throw new VideoRefused('The file of this video never arrived.');
  await copyFile(logoPath, join(folder, jobFiles.logo));
  try {
    return await parts.objects.getToFile(claim.original_url, join(folder, jobFiles.source), signal);
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchKey') throw new VideoRefused('The uploaded file is gone.');
    throw error;
  }
}

function transcode(
  parts: WorkerParts,
  source: SourceFacts,
  threads: number,
  folder: string,
  signal: AbortSignal,
  onPercent: (percent: number) => void,
): Promise<TranscodeCost> {
  const { profile, sandbox, tools } = parts;
  const cpuSeconds = Math.ceil(transcodeWallMs / 1000) * threads;
  return parts.pool.transcode({
    ...sandbox.wrap(folder, tools.ffmpeg, ffmpegArguments(profile, source, threads), cpuSeconds),
    folder,
    wallMs: transcodeWallMs,
    seconds: Math.min(profile.seconds, source.seconds ?? profile.seconds),
    signal,
    onPercent,
  });
}

function openStages({ metrics }: WorkerParts) {
  const seconds: Record<string, number> = {};
  return {
    seconds,
    async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
      const startedAt = performance.now();
      try {
        return await work();
      } finally {
        const taken = (performance.now() - startedAt) / 1000;
        seconds[stage] = Math.round(taken * 1000) / 1000;
        metrics.runSeconds.observe({ stage }, taken);
      }
    },
  };
}
