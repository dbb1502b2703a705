import { Queue } from 'bullmq';
import { jobRankMax, queueAddDeadlineMs, queueListMax, writableMarkSeconds } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import { type OnRedisError, openProducerConnection, type Redis } from './connection.ts';
import { jobName, queueName, type VideoJob } from './job.ts';

export type Producer = ReturnType<typeof openProducer>;

export interface QueuedJob {
  readonly taskId: string;
  readonly state: 'waiting' | 'delayed' | 'active';
  /** Only of a waiting job. */
  readonly rank: number | undefined;
}

export interface Backlog {
  readonly waiting: number;
  /** Those connected to this queue at this moment, on whichever machine. */
  readonly workers: number;
}

/**
 * Queues jobs and keeps the queue in order. Every call rejects within `queueAddDeadlineMs` when Redis is out of reach:
 * the row in PostgreSQL is what counts, and the sweep queues what is not queued.
 */
export function openProducer(redisUrl: string, onError: OnRedisError = () => undefined) {
  const connection = openProducerConnection(redisUrl, onError);
  const queue = new Queue<VideoJob>(queueName, { connection, skipMetasUpdate: true });
  queue.on('error', onError);

  const firstReady = new Promise<void>((resolve) => {
    connection.once('ready', resolve);
  });

  async function bounded<T>(call: () => Promise<T>): Promise<T> {
    // A Queue waits for its connection for ever, and would then still send what nobody waits for any more.
    if (connection.status === 'reconnecting') throw new Error('Redis is out of reach');
    await bound(firstReady);
    return bound(call());
  }

  return {
    connection,
    /**
     * `rank` is the job's place among its own player's waiting videos, from 1. Lower ranks go first, so that a player's
     * fifty uploads take turns with everybody else's. A job that is in line already stays as it is.
     */
    add: (job: VideoJob, rank = 1): Promise<void> =>
      bounded(async () => {
        await queue.add(jobName, job, { ...jobOptions, jobId: job.taskId, priority: clampRank(rank) });
      }),
    changeRank: (taskId: string, rank: number): Promise<void> =>
      bounded(async () => {
        const job = await queue.getJob(taskId);
        await job?.changePriority({ priority: clampRank(rank) });
      }),
    /** False when a worker has the job: then it stays. */
    remove: (taskId: string): Promise<boolean> => bounded(async () => (await queue.remove(taskId)) === 1),
    listJobs: (): Promise<QueuedJob[]> => bounded(() => listJobs(queue, connection)),
    countBacklog: (): Promise<Backlog> =>
      bounded(async () => ({
        waiting: await queue.getJobCountByTypes('waiting', 'prioritized', 'delayed'),
        // Redis lists the clients of all its databases.
        workers: (await queue.getWorkers()).filter(({ db }) => Number(db) === connection.options.db).length,
      })),
    /** Rejects when Redis is out of reach or takes no writes: a replica, or one whose disk or memory is full. */
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
 * A job is given up by its row alone (which becomes `failed`), never by BullMQ counting: a video must not be lost because
 * S3 was away for an hour. Ended jobs leave Redis, since an id that is still there would swallow the next job of that id.
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

async function listJobs(queue: Queue<VideoJob>, connection: Redis): Promise<QueuedJob[]> {
  // In the order a job goes, so that one that moves on meanwhile is seen twice rather than never.
  const [scored, waiting, delayed, active] = await Promise.all([
    connection.zrange(queue.toKey('prioritized'), '0', `${queueListMax}`, 'WITHSCORES'),
    queue.getRanges(['waiting'], 0, queueListMax),
    queue.getRanges(['delayed'], 0, queueListMax),
    queue.getRanges(['active'], 0, queueListMax),
  ]);
  return [
    ...active.map((taskId) => ({ taskId, state: 'active' as const, rank: undefined })),
    ...delayed.map((taskId) => ({ taskId, state: 'delayed' as const, rank: undefined })),
    ...waiting.map((taskId) => ({ taskId, state: 'waiting' as const, rank: 0 })),
    ...readRanks(scored),
  ];
}

/** BullMQ's score is the priority in the upper bits and a counter in the lower 32. */
function readRanks(scored: string[]): QueuedJob[] {
  const jobs: QueuedJob[] = [];
  for (let i = 0; i + 1 < scored.length; i += 2) {
    const taskId = scored[i] as string;
    jobs.push({ taskId, state: 'waiting', rank: Math.floor(Number(scored[i + 1]) / 2 ** 32) });
  }
  return jobs;
}

function bound<T>(promise: Promise<T>): Promise<T> {
  return withTimeout(
    promise,
    queueAddDeadlineMs,
    () => new Error(`Redis did not answer within ${queueAddDeadlineMs} ms`),
  );
}
