import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../src/errors.ts';
import type { Logger } from '../src/log.ts';
import { findAsset } from './asset-files.ts';
import { ProcessCrashedError, runTool } from './ffmpeg.ts';
import { ffmpegArguments, jobFiles, transcodeOutputs } from './ffmpeg-arguments.ts';
import { capacityTrialWallMs } from './limits.ts';
import type { Profile } from './profile.ts';
import type { Sandbox } from './sandbox.ts';
import type { Scratch } from './scratch.ts';
import type { SourceFacts } from './source-facts.ts';
import {
  expectedMemoryBytes,
  largestPicture,
  toolLimits,
  usefulJobThreads,
  type WorkerCapacity,
} from './tool-limits.ts';
import type { Tools } from './tools.ts';

export interface TrialDeps {
  readonly log: Logger;
  readonly tools: Tools;
  readonly sandbox: Sandbox;
  readonly scratch: Scratch;
  readonly profile: Profile;
}

/** Describes `worker/assets/largest.mp4`: 14 frames of the largest picture, HLG, with 5 reference frames. */
const largestSource: SourceFacts = {
  ...{ streamIndex: 0, codec: 'hevc', ...largestPicture, seconds: 14 / 30, indexedSeconds: 14 / 30, startSeconds: 0 },
  ...{ frameSeconds: Array.from({ length: 14 }, (_, i) => i / 30), declaredRates: ['30/1'] },
  ...{ matrix: 'bt2020nc', transfer: 'arib-std-b67', primaries: 'bt2020', range: 'tv' },
  ...{ isMarkedInterlaced: false, interlacing: undefined },
};

/**
 * Processes the largest accepted picture within the limits of a job that runs alone, and returns the capacity with the number of
 * threads that succeeded. The number is halved after each failure. Rejects with ConfigError when one thread fails. A trial takes one
 * to two seconds of CPU time.
 */
export async function tryCapacity(deps: TrialDeps, planned: WorkerCapacity): Promise<WorkerCapacity> {
  const wanted = Math.min(planned.threadsMax, usefulJobThreads(largestPicture, deps.profile.height));
  const threads = await findThreads(deps, planned, wanted);
  report(deps.log, planned, threads);
  return { ...planned, threadsMax: threads };
}

async function findThreads(deps: TrialDeps, capacity: WorkerCapacity, wanted: number): Promise<number> {
  for (let threads = wanted; ; threads = Math.floor(threads / 2)) {
    const failure = await runTrial(deps, capacity, threads);
    if (failure === undefined) return threads;
    deps.log.warn({ threads, failure }, 'FFmpeg failed on the largest picture');
    if (threads > 1) continue;
    const neededMiB = toMiB(expectedMemoryBytes(largestPicture, 1));
    throw new ConfigError(
      `Cannot start: Expected FFmpeg to process a video of ${largestPicture.width}x${largestPicture.height} with one thread in ` +
        `${toMiB(toolLimits(capacity, largestPicture, 1).memoryBytes)} MiB (about ${neededMiB} MiB are needed), got: ${failure}. ` +
        'Give the worker more memory, or set WORKER_MEMORY_MIB or WORKER_CORES.',
    );
  }
}

/** Resolves to undefined when FFmpeg succeeds, else to the failure. */
function runTrial(deps: TrialDeps, capacity: WorkerCapacity, threads: number): Promise<string | undefined> {
  const { profile, sandbox, scratch, tools } = deps;
  const args = ffmpegArguments(profile, largestSource, threads);
  return scratch.use(async (folder) => {
    await copyFile(findAsset(profile.logo), join(folder, jobFiles.logo));
    await copyFile(findAsset('largest.mp4'), join(folder, jobFiles.source));
    const limits = toolLimits(capacity, largestPicture, threads);
    const runLimits = { cpuSeconds: capacityTrialWallMs / 1000, bounds: limits, outputs: transcodeOutputs };
    const command = sandbox.wrap(folder, tools.ffmpeg, args, runLimits);
    try {
      const signal = new AbortController().signal;
      const { code, errors } = await runTool({ ...command, folder, wallMs: capacityTrialWallMs, signal });
      return code === 0 ? undefined : `code ${code}: ${errors.trim().split('\n').at(-1)}`;
    } catch (error) {
      if (error instanceof ProcessCrashedError) return error.message;
      throw error;
    }
  });
}

function report(log: Logger, capacity: WorkerCapacity, threads: number): void {
  const limits = toolLimits(capacity, largestPicture, threads);
  const facts = {
    cores: capacity.cores,
    toolsMiB: toMiB(capacity.memoryBytes),
    threadsOfOneJob: threads,
    memoryOfOneJobMiB: toMiB(limits.memoryBytes),
    tasksOfOneJob: limits.tasksMax,
  };
  log.info(facts, 'limits of FFmpeg, tried with the largest picture');
}

function toMiB(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
