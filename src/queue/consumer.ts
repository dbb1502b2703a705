import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, WaitingError, Worker } from 'bullmq';
import { jobRetryBaseMs, jobRetryMaxMs, queueRetryMs } from '../limits.ts';
import { type OnRedisError, openConsumerConnection } from './connection.ts';
import { queueName, type VideoJob } from './job.ts';

export interface ConsumerOptions {
  readonly concurrency: number;
  /** A job whose worker died is free after this. Renewed at every half of it. */
  readonly lockMs: number;
  /** How often free jobs are looked for. */
  readonly stalledCheckMs: number;
  readonly onError: OnRedisError;
  /** A run that rejected, unless the worker stops: its job comes again. */
  readonly onFailedRun: (job: VideoJob, error: unknown) => void;
}

/** Must be over when it settles, and soon after `signal` aborts. A rejection means: try again later. */
export type Process = (job: VideoJob, signal: AbortSignal) => Promise<void>;

/** The reason a signal carries when the worker stops: the job is somebody else's from now on. */
export class WorkerStopping extends Error {
  constructor() {
    super('The worker is stopping');
    this.name = 'WorkerStopping';
  }
}

/** Thrown by `process` when a retry is worth nothing before this pause. */
export class RetryLater extends Error {
  readonly pauseMs: number;

  constructor(message: string, pauseMs: number) {
    super(message);
    this.name = 'RetryLater';
    this.pauseMs = pauseMs;
  }
}

/**
 * Takes jobs until closed. A job is `active` in Redis while it runs here; it ends there when `process` resolves, goes
 * back in line at once when the worker stops, and comes again after a growing pause when `process` rejects. When its
 * lock is lost (Redis was emptied, or this process slept), its signal aborts, because another worker may have it by now.
 */
export function openConsumer(redisUrl: string, options: ConsumerOptions, process: Process) {
  const running = new Map<string, AbortController>();
  const connection = openConsumerConnection(redisUrl, options.onError);
  const worker = new Worker<VideoJob>(queueName, run, {
    connection,
    concurrency: options.concurrency,
    lockDuration: options.lockMs,
    stalledInterval: options.stalledCheckMs,
    // How often a video may crash its worker is counted in its row, which outlives Redis.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: queueRetryMs,
    settings: { backoffStrategy: pauseBefore },
  });
  worker.on('error', options.onError);
  worker.on('lockRenewalFailed', (taskIds) => {
    for (const taskId of taskIds) running.get(taskId)?.abort(new Error('The job lost its lock'));
  });

  async function run(job: Job<VideoJob>, token: string | undefined): Promise<void> {
    const taskId = job.data.taskId;
    const earlier = running.get(taskId);
    if (earlier !== undefined || worker.closing !== undefined) {
      // BullMQ renews one lock an id: a second run beside the first would lose its own when the first ends.
      earlier?.abort(new Error('The job was handed out again'));
      if (earlier !== undefined) await sleep(queueRetryMs);
      await requeue(job, token);
    }
    const controller = new AbortController();
    running.set(taskId, controller);
    try {
      await process(job.data, controller.signal);
    } catch (error) {
      if (controller.signal.reason instanceof WorkerStopping) await requeue(job, token);
      options.onFailedRun(job.data, error);
      throw error;
    } finally {
      running.delete(taskId);
    }
  }

  return {
    /** How many jobs run here now. */
    active: () => running.size,
    isReady: () => connection.status === 'ready',
    /** Lets running jobs finish for `drainMs`, then gives them back. Returns within about `drainMs` + `giveBackMs`. */
    async close(drainMs: number, giveBackMs: number): Promise<void> {
      const closed = worker.close().catch(options.onError);
      await settledWithin(closed, drainMs);
      for (const controller of running.values()) controller.abort(new WorkerStopping());
      await settledWithin(closed, giveBackMs);
      connection.disconnect();
    },
  };
}

/** Never returns: BullMQ learns by the error that the job is not its business any more. */
async function requeue(job: Job<VideoJob>, token: string | undefined): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}

function pauseBefore(attemptsMade: number, _type?: string, error?: Error): number {
  const pauseMs = Math.min(jobRetryBaseMs * 2 ** Math.min(attemptsMade - 1, 16), jobRetryMaxMs);
  return error instanceof RetryLater ? Math.max(pauseMs, error.pauseMs) : pauseMs;
}

async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([promise, late]);
  timer.abort();
}
