import { execFileSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { type VideoProducer, videoQueue } from '../../src/queue/video-queue.ts';
import { shortTimes } from '../faults/support/worker-run.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { startService } from '../support/service.ts';
import { makeClip, makeFolder } from './support/clips.ts';
import { insertPlayer, readVideo, upload, uploadClip, type VideoState } from './support/upload.ts';

t.test('the worker finds a row without a job, processes it once, and logs what it cost', async (t) => {
  const environment = await createEnvironment(t);
  const path = join(await makeFolder(t), 'clip.mp4');
  await makeClip('320x180', 2, '25')(path);
  const { id, job } = await upload(environment, path);
  const service = await startService(t, environment, { webProcesses: 0, worker: true });
  t.match(await untilEnded(environment, id), { status: 'processed', attempt: 1 });
  const line = await untilLine(() => service.readLog().find(({ msg }) => msg === 'video processed'));
  t.match(line, { requestId: job.requestId, videoId: id, cpuSeconds: Number, peakBytes: Number });
  const { size: bytesIn } = await stat(path);
  const [row] = await environment.sql<{ key: string; poster: string }[]>`
    select processed_url as key, poster_url as poster from videos where id = ${id}`;
  const sizes = [row?.key, row?.poster].map(
    async (key) => (await environment.objects.headObject(key ?? ''))?.bytes ?? 0,
  );
  const bytesOut = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  t.match(line, { bytesIn, bytesOut });
  const metrics = await (await fetch(service.metricsUrls.worker[0] ?? '')).text();
  t.match(metrics, 'competition_jobs_total{outcome="processed"} 1');
  t.match(metrics, 'competition_sweep_findings_total{kind="row_without_job"} 1');
  t.match(metrics, 'competition_queue_depth 0');
  t.match(metrics, 'competition_backlog_per_worker 0');
});

t.test('a failed job has a line in the log with the reason and what it cost until then', async (t) => {
  const environment = await createEnvironment(t);
  const { id } = await uploadClip(t, environment, (path) => writeFile(path, 'ftyp, and no film at all'));
  const service = await startService(t, environment, { webProcesses: 0, worker: true });
  t.match(await untilEnded(environment, id), { status: 'failed', attempt: 1 });
  const line = await untilLine(() => service.readLog().find(({ msg }) => msg === 'video failed'));
  t.match(line, { reason: String, bytesIn: 24, bytesOut: 0, seconds: { download: Number, probe: Number } });
});

t.test(
  'after kill -9 in mid-transcode the video is processed all the same, once, and no process is left',
  async (t) => {
    const environment = await createEnvironment(t, { isCrashTest: true });
    const { id } = await queueLongVideo(t, environment);
    const first = await startService(t, environment, { webProcesses: 0, worker: true, env: shortTimes });
    await untilProgress(environment, id);
    t.ok(encodersIn(environment).length > 0, 'FFmpeg runs');
    process.kill(first.worker[0]?.pid ?? 0, 'SIGKILL');
    await waitFor('FFmpeg to go with its worker', () => encodersIn(environment).length === 0);
    await startService(t, environment, { webProcesses: 0, worker: true, env: shortTimes });
    t.match(await untilEnded(environment, id), { status: 'processed', attempt: 2, crashes: 1 });
    t.equal((await environment.bucket.keys()).filter((key) => key.startsWith('processed/')).length, 1);
  },
);

t.test('after FFmpeg alone is killed the same worker tries again, and the crash is counted', async (t) => {
  const environment = await createEnvironment(t);
  const { id } = await queueLongVideo(t, environment);
  await startService(t, environment, { webProcesses: 0, worker: true });
  await untilProgress(environment, id);
  for (const line of encodersIn(environment)) process.kill(Number.parseInt(line, 10), 'SIGKILL');
  t.match(await untilEnded(environment, id), { status: 'processed', attempt: 2, crashes: 1 });
});

t.test('with Redis emptied in mid-run every video is processed, and none is stuck', async (t) => {
  const environment = await createEnvironment(t);
  const videos = [await queueLongVideo(t, environment)];
  const short = makeClip('320x180', 2, '25');
  for (let i = 0; i < 3; i += 1) videos.push(await uploadClip(t, environment, short, await insertPlayer(environment)));
  await startService(t, environment, { webProcesses: 0, worker: true });
  await untilProgress(environment, videos[0]?.id ?? 0);
  const redis = new Redis(environment.config.redisUrl);
  await redis.flushdb();
  redis.disconnect();
  for (const { id } of videos) t.match(await untilEnded(environment, id), { status: 'processed', crashes: 0 });
  t.equal((await environment.bucket.keys()).filter((key) => key.startsWith('processed/')).length, videos.length);
});

t.test('SIGTERM lets a running job finish, and the worker ends with 0', async (t) => {
  const environment = await createEnvironment(t);
  const { id, job } = await uploadClip(t, environment, makeClip('640x360', 8, '25'));
  await enqueue(environment, job);
  const service = await startService(t, environment, { webProcesses: 0, worker: true });
  await untilProgress(environment, id);
  await service.stop();
  t.match(await readVideo(environment, id), { status: 'processed', attempt: 1 });
});

async function queueLongVideo(t: Test, environment: Environment) {
  const uploaded = await uploadClip(t, environment, makeClip('1280x720', 15, '30'));
  await enqueue(environment, uploaded.job);
  return uploaded;
}

async function enqueue(environment: Environment, job: Parameters<VideoProducer['add']>[0]) {
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  await producer.add(job);
  await producer.close();
}

function encodersIn(environment: Environment): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(environment.config.dataDir) && line.includes('ffmpeg'));
}

const untilEnded = (environment: Environment, id: number): Promise<VideoState> =>
  waitFor(
    `an end of video ${id}`,
    async () => {
      const video = await readVideo(environment, id);
      return video.status !== 'uploaded' && video;
    },
    { timeoutMs: 120_000 },
  );

const untilProgress = (environment: Environment, id: number): Promise<VideoState> =>
  waitFor(
    `progress of video ${id}`,
    async () => {
      const video = await readVideo(environment, id);
      return video.progress > 0 && video;
    },
    { timeoutMs: 120_000 },
  );

const untilLine = (find: () => Record<string, unknown> | undefined) => waitFor('a line in the log', find);
