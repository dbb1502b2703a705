import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { startRedis } from '../../scripts/dev/servers/redis.ts';
import { findRedisBinary } from '../../scripts/dev/servers/redis-binary.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { makeClip, makeFolder } from '../worker/support/clips.ts';
import { insertPlayer, type Uploaded, upload } from '../worker/support/upload.ts';
import { openFaultRun } from './support/fault-run.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import { countRenditions, untilClaimed, untilEnded } from './support/worker-run.ts';

const run = openFaultRun('worker-redis', 2, (rounds) => Math.ceil(rounds / 10));
const awaySeconds = run.isLong ? [2, 7, 15, 60] : [2];
/** Bound of the time to resume after Redis is back. Only the long run checks it, since nothing else runs then. */
const resumeMaxMs = 10_000;
t.setTimeout(240_000 + run.rounds * 60_000);

t.test('with Redis emptied in mid-run every video ends', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const clip = await makeShortClip(t);
  const redis = new Redis(environment.config.redisUrl);
  t.teardown(() => redis.disconnect());
  await startService(t, environment, { webProcesses: 0, worker: true });
  const videosPerRound = 4;
  for (let round = 0; round < run.rounds; round += 1) {
    const videos = await uploadSome(environment, clip, videosPerRound);
    await Promise.race(videos.map(({ id }) => untilClaimed(environment, id)));
    await sleep(run.random.int(0, 2_000));
    await redis.flushdb();
    for (const { id } of videos) t.match(await untilEnded(environment, id), { status: 'processed', crashes: 0 });
  }
  const videos = run.rounds * videosPerRound;
  t.equal(await countRenditions(environment), videos);
  t.strictSame((await settle(environment, [], [])).breaks, []);
  run.report({ times_emptied: run.rounds, videos });
});

t.test('with Redis down for a while every video ends, and the worker resumes soon after', async (t) => {
  const folder = await makeFolder(t);
  const port = await freePort();
  const launch = async (name: string) => {
    const options = { binary: await findRedisBinary(), folder: join(folder, 'redis'), port, databases: 16 };
    mkdirSync(options.folder, { recursive: true });
    return startRedis({ ...options, password: 'away', logPath: join(folder, `${name}.log`) });
  };
  let redis = await launch('redis');
  t.teardown(() => redis.stop());
  const values = { ...faultEnvironment.values, REDIS_URL: redis.url };
  const environment = await createEnvironment(t, { ...faultEnvironment, values });
  const clip = await makeShortClip(t);
  await startService(t, environment, { webProcesses: 0, worker: true });
  const resumedMs: Record<string, number> = {};
  for (const seconds of awaySeconds) {
    const running = await uploadSome(environment, clip, 2);
    await Promise.race(running.map(({ id }) => untilClaimed(environment, id)));
    await redis.stop();
    // Their jobs cannot be queued now: the sweep queues them.
    const uploadedMeanwhile = await uploadSome(environment, clip, 3, false);
    await sleep(seconds * 1000);
    redis = await launch(`redis-${seconds}`);
    const backAt = Date.now();
    const isResumed = async () => (await claimsSince(environment, backAt)) > 0;
    await waitFor('the worker to resume', isResumed, { timeoutMs: 120_000 });
    const tookMs = Date.now() - backAt;
    resumedMs[`ms_to_resume_after_${seconds}_s`] = tookMs;
    if (run.isLong) t.ok(tookMs <= resumeMaxMs, `away for ${seconds} s, resumed after ${tookMs} ms`);
    for (const { id } of [...running, ...uploadedMeanwhile]) {
      t.match(await untilEnded(environment, id), { status: 'processed', crashes: 0 });
    }
  }
  t.equal(await countRenditions(environment), awaySeconds.length * 5);
  t.strictSame((await settle(environment, [], [])).breaks, []);
  run.report(resumedMs);
});

t.test('after a failover of Redis, jobs go on at the new primary while the old one answers as a replica', async (t) => {
  const folder = await makeFolder(t);
  const launch = async (name: string) => {
    const options = {
      binary: await findRedisBinary(),
      folder: join(folder, name),
      port: await freePort(),
      databases: 16,
    };
    mkdirSync(options.folder, { recursive: true });
    const server = await startRedis({ ...options, password: 'failover', logPath: join(folder, `${name}.log`) });
    const admin = new Redis(server.url);
    t.teardown(async () => {
      admin.disconnect();
      await server.stop();
    });
    await admin.config('SET', 'masterauth', 'failover');
    return { port: options.port, url: server.url, admin };
  };
  const [first, second] = [await launch('first'), await launch('second')];
  await second.admin.replicaof('127.0.0.1', first.port);
  const proxy = await startTcpProxy(t, { port: first.port });
  const url = new URL(first.url);
  url.port = String(proxy.port);
  const environment = await createEnvironment(t, {
    ...faultEnvironment,
    values: { ...faultEnvironment.values, REDIS_URL: url.href },
  });
  const clip = await makeShortClip(t);
  const service = await startService(t, environment, { worker: true });
  const producer = videoQueue.openProducer(url.href);
  t.teardown(() => producer.close());
  const queueOne = async () => {
    const video = await upload(environment, clip, await insertPlayer(environment));
    await producer.add(video.job).catch(() => undefined);
    return video;
  };
  t.match(await untilEnded(environment, (await queueOne()).id), { status: 'processed' });

  const running = await queueOne();
  await untilClaimed(environment, running.id);
  await second.admin.replicaof('NO', 'ONE');
  await first.admin.replicaof('127.0.0.1', second.port);
  proxy.setTarget(second.port);
  t.match(await untilEnded(environment, running.id), { status: 'processed' });
  t.match(await untilEnded(environment, (await queueOne()).id), { status: 'processed' });
  await waitFor('all connections to be writable', async () => {
    const metrics = [...service.metricsUrls.web, ...service.metricsUrls.worker];
    const texts = await Promise.all(metrics.map(async (each) => (await request(each)).text));
    return texts.every((text) => text.includes('competition_dependency_up{dependency="redis"} 1'));
  });
  await waitFor('nothing of the service at the old primary', async () => (await countClients(first.admin)) === 0);
  t.strictSame((await settle(environment, [service], [])).breaks, []);
});

/** Closes all clients except the one that sends the command. */
async function countClients(admin: Redis): Promise<number> {
  const own = String(await admin.client('ID'));
  const lines = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal'))
    .trim()
    .split('\n');
  return lines.filter((line) => !line.startsWith(`id=${own} `)).length;
}

async function makeShortClip(t: Test): Promise<string> {
  const path = join(await makeFolder(t), 'clip.mp4');
  await makeClip('320x180', 2, '25')(path);
  return path;
}

async function uploadSome(environment: Environment, clip: string, count: number, isQueued = true): Promise<Uploaded[]> {
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  const videos: Uploaded[] = [];
  for (let i = 0; i < count; i += 1) {
    const video = await upload(environment, clip, await insertPlayer(environment));
    if (isQueued) await producer.add(video.job);
    videos.push(video);
  }
  await producer.close();
  return videos;
}

async function claimsSince({ sql }: Environment, at: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(*) from videos where processing_started_at > ${new Date(at)}`;
  return row?.count ?? 0;
}
