import { Queue } from 'bullmq';
import { jobRankMax, queueAddDeadlineMs, queueListMax, writableMarkSeconds } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import { type OnRedisError, openProducerConnection, type Redis } from './connection.ts';
import type { QueueName } from './queue-name.ts';

export interface QueuedJob {
  readonly id: string;
  readonly state: 'waiting' | 'delayed' | 'active';
  /** Undefined unless the job is waiting. */
  readonly rank: number | undefined;
}

export interface Backlog {
  readonly waiting: number;
  /** The number of workers connected to this queue, on all machines. */
  readonly workers: number;
}

/**
 * Adds jobs and manages the queue. Every call rejects within `queueAddDeadlineMs` when Redis is unreachable: the row in PostgreSQL
 * is the truth, and the sweep queues missing jobs.
 */
export function openProducer<Job>(
  { name, jobName, jobIdOf }: QueueName<Job>,
  redisUrl: string,
  onError: OnRedisError = () => undefined,
) {
  const connection = openProducerConnection(redisUrl, onError);
  const queue = new Queue<Job, void, string, Job, void, string>(name, { connection, skipMetasUpdate: true });
  queue.on('error', onError);

  const firstReady = new Promise<void>((resolve) => {
    connection.once('ready', resolve);
  });

  async function bounded<T>(call: () => Promise<T>): Promise<T> {
    // A Queue waits for its connection without end, and would then send commands whose callers have timed out.
    if (connection.status === 'reconnecting') throw new Error('Redis is unreachable');
    await bound(firstReady);
    return bound(call());
  }

  return {
    connection,
    /**
     * Adds a job unless its id is queued already. `rank` is its position among its player's waiting videos, from 1. Lower ranks go
     * first, so that a player's many uploads do not delay other players.
     */
    add: (job: Job, rank = 1): Promise<void> =>
      bounded(async () => {
        await queue.add(jobName, job, { ...jobOptions, jobId: jobIdOf(job), priority: clampRank(rank) });
      }),
    changeRank: (id: string, rank: number): Promise<void> =>
      bounded(async () => {
        const job = await queue.getJob(id);
        await job?.changePriority({ priority: clampRank(rank) });
      }),
    /** Removes a job. Resolves to false when a worker runs it: then it stays. */
    remove: (id: string): Promise<boolean> => bounded(async () => (await queue.remove(id)) === 1),
    listJobs: (): Promise<QueuedJob[]> => bounded(() => listJobs(queue, connection)),
    countBacklog: (): Promise<Backlog> =>
      bounded(async () => ({
        waiting: await queue.getJobCountByTypes('waiting', 'prioritized', 'delayed'),
        // Redis lists the clients of all its databases.
        workers: (await queue.getWorkers()).filter(({ db }) => Number(db) === connection.options.db).length,
      })),
    /** Rejects when Redis is unreachable or accepts no writes: a replica, or a server whose disk or memory is full. */
    checkWritable: (): Promise<void> =>
      bounded(async () => {
        await connection.set('competition:writable', '1', 'EX', writableMarkSeconds);
      }),
    async close(): Promise<void> {
      await bound(queue.close()).catch(() => undefined);
      connection.disconnect();
    },
  };
}

/**
 * BullMQ never drops a job by its own count: the consumer's policy decides. Ended jobs are removed from Redis, because a job whose
 * id still exists cannot be added.
 */
const jobOptions = {
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 1,
} as const;

function clampRank(rank: number): number {
  return Math.min(Math.max(1, rank), jobRankMax);
}

async function listJobs(queue: Pick<Queue, 'toKey' | 'getRanges'>, connection: Redis): Promise<QueuedJob[]> {
  // States are read in the order of a job's life, so that a job that moves meanwhile is listed twice rather than never.
  const [scored, waiting, delayed, active] = await Promise.all([
    connection.zrange(queue.toKey('prioritized'), '0', `${queueListMax}`, 'WITHSCORES'),
    queue.getRanges(['waiting'], 0, queueListMax),
    queue.getRanges(['delayed'], 0, queueListMax),
    queue.getRanges(['active'], 0, queueListMax),
  ]);
  return [
    ...active.map((id) => ({ id, state: 'active' as const, rank: undefined })),
    ...delayed.map((id) => ({ id, state: 'delayed' as const, rank: undefined })),
    ...waiting.map((id) => ({ id, state: 'waiting' as const, rank: 0 })),
    ...readRanks(scored),
  ];
}

/** Reads ids and ranks. BullMQ's score has the priority in its upper bits and a counter in the lower 32. */
function readRanks(scored: string[]): QueuedJob[] {
  const jobs: QueuedJob[] = [];
  for (let i = 0; i + 1 < scored.length; i += 2) {
    jobs.push({ id: scored[i] as string, state: 'waiting', rank: Math.floor(Number(scored[i + 1]) / 2 ** 32) });
  }
  return jobs;
}

function bound<T>(promise: Promise<T>): Promise<T> {
  return withTimeout(
    promise,
    queueAddDeadlineMs,
    () => new Error(`Expected Redis to answer within ${queueAddDeadlineMs} ms, got none`),
  );
}
