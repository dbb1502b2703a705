import { setTimeout as sleep } from 'node:timers/promises';
import { type Job as BullJob, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { queueRetryMs } from '../limits.ts';
import { settleWithin } from '../with-timeout.ts';
import { type OnRedisError, openConsumerConnection } from './connection.ts';
import type { QueueName } from './queue-name.ts';

/** Decides whether and when a job is retried after `process` rejected. */
export interface QueuePolicy {
  /** A job whose attempts have all failed is dropped. `Infinity` retries without limit. */
  readonly attemptsMax: number;
  /** The pause before a retry: `baseMs` after the first failure, twice as long after each other one, at most `maxMs`. */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** The minimum of that pause after an error. */
  readonly pauseMinMs: (error: unknown) => number;
  /** Whether the job is dropped instead of retried after an error. */
  readonly isFinal: (error: unknown) => boolean;
}

export interface ConsumerOptions<Job> {
  readonly concurrency: number;
  /** A job whose worker died becomes available after this. The lock is renewed at every half of it. */
  readonly lockMs: number;
  /** Interval of the check for jobs whose lock has expired. */
  readonly stalledCheckMs: number;
  readonly onError: OnRedisError;
  /** Called when an attempt failed, unless the consumer is stopping. */
  readonly onFailedAttempt: (job: Job, error: unknown) => void;
}

/** Runs a job. Must settle soon after `signal` aborts, with nothing left running. A rejection is handled by the queue's policy. */
export type Process<Job> = (job: Job, signal: AbortSignal) => Promise<void>;

/** The reason of a job's signal when the consumer stops. The job is requeued. */
export class ConsumerStoppingError extends Error {
  constructor() {
    super('The consumer is stopping');
    this.name = 'ConsumerStoppingError';
  }
}

/**
 * Processes jobs until closed. A job is `active` in Redis while it runs. It is removed when `process` resolves, requeued at once
 * when the consumer stops, and retried or dropped by `policy` when `process` rejects. When a job loses its lock (Redis was emptied,
 * or this process was suspended), its signal aborts, because another worker may run it.
 */
export function openConsumer<Job>(
  { name, jobIdOf }: QueueName<Job>,
  redisUrl: string,
  policy: QueuePolicy,
  options: ConsumerOptions<Job>,
  process: Process<Job>,
) {
  const running = new Map<string, AbortController>();
  const connection = openConsumerConnection(redisUrl, options.onError);
  const worker = new Worker<Job, void, string>(name, run, {
    connection,
    concurrency: options.concurrency,
    lockDuration: options.lockMs,
    stalledInterval: options.stalledCheckMs,
    // A job whose worker died is always restarted. PostgreSQL counts the crashes, since Redis may be emptied.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: queueRetryMs,
    settings: { backoffStrategy: (attemptsMade, _type, error) => pauseBeforeRetry(policy, attemptsMade, error) },
  });
  worker.on('error', options.onError);
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) running.get(id)?.abort(new Error('The job lost its lock'));
  });

  async function run(job: BullJob<Job, void, string>, token: string | undefined): Promise<void> {
    const id = jobIdOf(job.data);
    const earlier = running.get(id);
    if (earlier !== undefined || worker.closing !== undefined) {
      // BullMQ renews one lock per id: a second run beside the first would lose its lock when the first ends.
      earlier?.abort(new Error('The job was started again'));
      if (earlier !== undefined) await sleep(queueRetryMs);
      await requeue(job, token);
    }
    const controller = new AbortController();
    running.set(id, controller);
    try {
      await process(job.data, controller.signal);
    } catch (error) {
      if (controller.signal.reason instanceof ConsumerStoppingError) await requeue(job, token);
      options.onFailedAttempt(job.data, error);
      if (policy.isFinal(error) || job.attemptsMade + 1 >= policy.attemptsMax) {
        throw new UnrecoverableError(error instanceof Error ? error.message : String(error));
      }
      throw error;
    } finally {
      running.delete(id);
    }
  }

  return {
    /** Returns the number of jobs that run in this process. */
    active: () => running.size,
    isReady: () => connection.status === 'ready',
    /** Lets running jobs finish for `drainMs`, then aborts and requeues them. Resolves within about `drainMs` + `requeueMs`. */
    async close(drainMs: number, requeueMs: number): Promise<void> {
      const closed = worker.close().catch(options.onError);
      await settleWithin(closed, drainMs);
      for (const controller of running.values()) controller.abort(new ConsumerStoppingError());
      await settleWithin(closed, requeueMs);
      connection.disconnect();
    },
  };
}

/** Requeues a job at once. Always rejects: the error makes BullMQ leave the job alone. */
async function requeue(job: BullJob, token: string | undefined): Promise<never> {
  await job.moveToWait(token);
  throw new WaitingError();
}

function pauseBeforeRetry({ backoff, pauseMinMs }: QueuePolicy, attemptsMade: number, error: unknown): number {
  const pauseMs = Math.min(backoff.baseMs * 2 ** Math.min(attemptsMade - 1, 16), backoff.maxMs);
  return Math.max(pauseMs, pauseMinMs(error));
}
