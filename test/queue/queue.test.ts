import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { ConsumerOptions, Process, QueuePolicy } from '../../src/queue/consumer.ts';
import { openQueue } from '../../src/queue/queue.ts';
import { type VideoJob, videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment } from '../support/environment.ts';

// Each test waits for locks or pauses, on a Redis database of its own.
t.jobs = 4;

/** Longer than any test may take. */
const neverMs = 1e8;

t.test('a job is run once and gone, and one added twice is one', async (t) => {
  const { producer, consume } = await open(t);
  const runs: string[] = [];
  const job = makeJob();
  await producer.add(job);
  await producer.add(job);
  t.match(await producer.listJobs(), [{ id: job.taskId, state: 'waiting', rank: 1 }]);
  consume(async ({ videoId }) => void runs.push(videoId));
  await until(async () => runs.length === 1 && (await producer.listJobs()).length === 0);
  await producer.add(job);
  await until(async () => runs.length === 2, 'an id that ended can come again');
});

t.test('lower ranks go first, so one player’s many uploads do not starve the others', async (t) => {
  const { producer, consume } = await open(t);
  const greedy = Array.from({ length: 10 }, (_, i) => makeJob(`greedy-${i + 1}`));
  for (const [i, job] of greedy.entries()) await producer.add(job, i + 1);
  await producer.add(makeJob('modest'), 1);
  await producer.changeRank(greedy[9]?.taskId ?? '', 1);
  const order: string[] = [];
  consume(async ({ videoId }) => void order.push(videoId), { concurrency: 1 });
  await until(async () => order.length === 11);
  t.same(order.slice(0, 4), ['greedy-1', 'modest', 'greedy-10', 'greedy-2']);
});

t.test('the backlog is reported with the number of workers', async (t) => {
  const { producer, consume } = await open(t);
  for (let i = 0; i < 3; i += 1) await producer.add(makeJob());
  t.same(await producer.countBacklog(), { waiting: 3, workers: 0 });
  const beBusy: Process<VideoJob> = (_job, signal) => sleep(neverMs, undefined, { signal });
  for (let i = 0; i < 2; i += 1) consume(beBusy, { concurrency: 1 });
  await until(async () => {
    const { waiting, workers } = await producer.countBacklog();
    return waiting === 1 && workers === 2;
  });
});

t.test('a rejected job is retried after a pause', async (t) => {
  const { producer, consume, redis } = await open(t);
  let runs = 0;
  const failed: unknown[] = [];
  const process = async () => {
    runs += 1;
    if (runs < 3) throw new Error('S3 is away');
  };
  consume(process, { onFailedAttempt: ({ requestId }, error) => failed.push([requestId, error]) });
  await producer.add(makeJob());
  const pausesMs = new Set<number>();
  await until(async () => {
    for (const pauseMs of await readPauses(redis)) pausesMs.add(pauseMs);
    return runs === 3 && (await producer.listJobs()).length === 0;
  });
  t.same([...pausesMs], [1_000, 2_000], 'each twice as long as the one before');
  t.match(failed, [
    ['request', { message: 'S3 is away' }],
    ['request', { message: 'S3 is away' }],
  ]);
});

t.test('a job is dropped after a final error, or when its attempts are used up', async (t) => {
  const { producer, consume } = await open(t);
  const attempts: string[] = [];
  const process = async ({ videoId }: VideoJob) => {
    attempts.push(videoId);
    throw new Error(videoId);
  };
  const isFinal = (error: unknown) => error instanceof Error && error.message === 'final';
  consume(process, {}, { ...policy, attemptsMax: 2, backoff: { baseMs: 1, maxMs: 1 }, isFinal });
  await producer.add(makeJob('final'));
  await producer.add(makeJob('twice'));
  await until(async () => attempts.length >= 3 && (await producer.listJobs()).length === 0);
  t.same(attempts.sort(), ['final', 'twice', 'twice']);
});

t.test('a policy can demand a longer pause after an error', async (t) => {
  const { producer, consume, redis } = await open(t);
  const fail = async () => {
    throw new Error('no memory');
  };
  consume(fail, {}, { ...policy, pauseMinMs: () => neverMs });
  await producer.add(makeJob());
  await until(async () => (await readPauses(redis)).includes(neverMs));
});

t.test('a second queue is a name and a policy, apart from the first', async (t) => {
  const { producer, redisUrl } = await open(t);
  const other = openQueue<{ id: string }>({ name: 'others', jobName: 'run-other', jobIdOf: ({ id }) => id });
  const otherProducer = other.openProducer(redisUrl);
  t.teardown(() => otherProducer.close());
  await producer.add(makeJob());
  await otherProducer.add({ id: 'first' });
  const runs: string[] = [];
  const options = { ...defaults, onFailedAttempt: () => undefined };
  const consumer = other.openConsumer(redisUrl, policy, options, async ({ id }) => void runs.push(id));
  t.teardown(() => consumer.close(0, 1_000));
  await until(async () => (await otherProducer.listJobs()).length === 0);
  t.same(runs, ['first']);
  t.equal((await producer.listJobs()).length, 1, 'the first queue keeps its job');
});

t.test('when Redis is emptied in mid-run, the job’s signal aborts and the consumer goes on', async (t) => {
  const { producer, consume, redis } = await open(t);
  const reasons: unknown[] = [];
  const runs: string[] = [];
  consume(async ({ videoId }, signal) => {
    runs.push(videoId);
    if (videoId === 'after') return;
    await sleep(neverMs, undefined, { signal }).catch(() => reasons.push(signal.reason));
    throw new Error('aborted');
  });
  await producer.add(makeJob('before'));
  await until(async () => runs.length === 1);
  await redis.flushdb();
  await until(async () => reasons.length === 1);
  t.match(reasons, [{ message: /lost its lock/ }]);
  await producer.add(makeJob('after'));
  await until(async () => runs.includes('after'));
});

t.test('a stopping consumer requeues running jobs at once, and another consumer runs them', async (t) => {
  const { producer, consume } = await open(t);
  let isRunning = false;
  const job = makeJob();
  const stopping = consume(async (_job, signal) => {
    isRunning = true;
    await sleep(neverMs, undefined, { signal });
  });
  await producer.add(job, 7);
  await until(async () => isRunning);
  await stopping.close(1, neverMs);
  t.match(await producer.listJobs(), [{ id: job.taskId, state: 'waiting', rank: 7 }]);
  const runs: string[] = [];
  consume(async ({ taskId }) => void runs.push(taskId));
  await until(async () => runs.includes(job.taskId));
});

t.test('a stopping consumer lets a job finish within its time', async (t) => {
  const { producer, consume } = await open(t);
  const events: string[] = [];
  const stopping = consume(async () => {
    events.push('begun');
    await sleep(100);
    events.push('ended');
  });
  await producer.add(makeJob());
  await until(async () => events.length === 1);
  await stopping.close(neverMs, neverMs);
  t.same(events, ['begun', 'ended']);
  t.same(await producer.listJobs(), []);
});

t.test('without Redis the producer rejects every call', { timeout: 60_000 }, async (t) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const address = silent.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  for (const url of [`redis://127.0.0.1:${port}/0`, 'redis://127.0.0.1:1/0']) {
    const producer = videoQueue.openProducer(url);
    // A silent server never responds: only the producer's time limit ends these calls.
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => producer.add(makeJob())));
    t.ok(outcomes.every(({ status }) => status === 'rejected'));
    await producer.close();
  }
});

async function open(t: Test) {
  const { config } = await createEnvironment(t);
  const producer = videoQueue.openProducer(config.redisUrl);
  const redis = new Redis(config.redisUrl);
  t.teardown(async () => {
    await producer.close();
    redis.disconnect();
  });
  const consume = (
    process: Process<VideoJob>,
    options: Partial<ConsumerOptions<VideoJob>> = {},
    withPolicy: QueuePolicy = policy,
  ) => {
    const all = { ...defaults, onFailedAttempt: () => undefined, ...options };
    const consumer = videoQueue.openConsumer(config.redisUrl, withPolicy, all, process);
    t.teardown(() => consumer.close(0, 1_000));
    return consumer;
  };
  return { producer, redis, redisUrl: config.redisUrl, consume };
}

const defaults = { concurrency: 2, lockMs: 2_000, stalledCheckMs: 1_000, onError: () => undefined };
const policy: QueuePolicy = {
  attemptsMax: Number.POSITIVE_INFINITY,
  backoff: { baseMs: 1_000, maxMs: 30_000 },
  pauseMinMs: () => 0,
  isFinal: () => false,
};

/** The pause, in milliseconds, of each job that waits to be retried. */
async function readPauses(redis: Redis): Promise<number[]> {
  const pauses: number[] = [];
  for (const key of await redis.keys('*:delayed')) {
    for (const id of await redis.zrange(key, '0', '-1')) {
      pauses.push(Number(await redis.hget(key.replace(/delayed$/, String(id)), 'delay')));
    }
  }
  return pauses;
}

function makeJob(videoId = '1'): VideoJob {
  return { videoId, taskId: randomUUID(), requestId: 'request' };
}

function until(isSo: () => Promise<boolean>, what = 'something to happen'): Promise<boolean> {
  return waitFor(what, isSo, { timeoutMs: 60_000, everyMs: 20 });
}
