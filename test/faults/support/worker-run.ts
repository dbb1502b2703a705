import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../../scripts/lib/wait.ts';
import { poolThreadHeapMiB } from '../../../worker/limits.ts';
import type { Environment } from '../../support/environment.ts';
import type { ServiceProcess } from '../../support/service.ts';
import { readVideo, type VideoState } from '../../worker/support/upload.ts';

/** Lock and check times that allow many kills in little time. Production uses ten and five seconds. */
export const shortTimes = { JOB_LOCK_SECONDS: '2', JOB_CHECK_SECONDS: '1', QUEUE_SWEEP_SECONDS: '2' };

/** Finds the FFmpeg and ffprobe processes, sandbox included, that use this environment's scratch folders. */
export function findTools({ config }: Environment): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 }).split('\n');
  const scratch = join(config.dataDir, 'scratch');
  return lines
    .filter((line) => line.includes(scratch) && /ffmpeg|ffprobe/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

export function listScratch({ config }: Environment): string[] {
  const folder = join(config.dataDir, 'scratch');
  return existsSync(folder) ? readdirSync(folder) : [];
}

export function untilEnded(environment: Environment, id: number, timeoutMs = 120_000): Promise<VideoState> {
  const look = async () => {
    const video = await readVideo(environment, id);
    return video.status === 'uploaded' ? undefined : video;
  };
  return waitFor(`an end of video ${id}`, look, { timeoutMs, everyMs: 100 });
}

export function untilClaimed(environment: Environment, id: number, attempt = 1): Promise<VideoState> {
  const look = async () => {
    const video = await readVideo(environment, id);
    return video.attempt >= attempt ? video : undefined;
  };
  return waitFor(`attempt ${attempt} at video ${id}`, look, { timeoutMs: 60_000, everyMs: 20 });
}

export async function countRenditions({ bucket }: Environment): Promise<number> {
  return (await bucket.keys()).filter((key) => key.startsWith('processed/')).length;
}

/**
 * Environment variables that make a worker end its pool threads on SIGUSR2, which is otherwise impossible from outside. The
 * worker's code is unchanged. Other threads stay: without the hooks of a test runner the process would end.
 */
export const threadsEndOnSignal = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    const threads = new Set();
    process.on('worker', (thread) => {
      if (thread.resourceLimits?.maxOldGenerationSizeMb !== ${poolThreadHeapMiB}) return;
      threads.add(thread);
      thread.once('exit', () => threads.delete(thread));
    });
    process.on('SIGUSR2', () => {
      for (const thread of threads) thread.terminate();
    });`)}`,
};

export function living(workers: readonly ServiceProcess[]): ServiceProcess[] {
  return workers.filter((worker) => !worker.hasExited());
}
