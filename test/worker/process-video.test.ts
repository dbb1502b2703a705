import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { claimVideoForWork, listVideosWaiting } from '../../src/database/video-jobs.ts';
import { processVideo } from '../../worker/process-video.ts';
import { createEnvironment } from '../support/environment.ts';
import { look, makeClip, makeFolder } from './support/clips.ts';
import { insertPlayer, readVideo, uploadClip } from './support/upload.ts';
import { openWorkerDeps } from './support/worker-deps.ts';

const never = new AbortController().signal;

t.test('a video becomes a rendition and a poster, and its row names both', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const folder = await makeFolder(t);
  const { id, job } = await uploadClip(t, environment, makeClip('480x854', 2, '25'));
  await processVideo(parts, job, never);

  const video = await readVideo(environment, id);
  t.match(video, { status: 'processed', attempt: 1, progress: 100, profile: 'showcase-6', failure_reason: null });
  await environment.objects.getToFile(video.processed_url ?? '', join(folder, 'rendition.mp4'), never);
  const { streams } = await look(join(folder, 'rendition.mp4'));
  t.match(streams, [{ codec_name: 'h264', width: 1280, height: 720 }]);
  t.equal(streams.length, 1, 'no sound');
  t.match(await environment.objects.headObject(video.poster_url ?? ''), { contentType: 'image/jpeg' });
  t.equal((await environment.sql`select key from object_intents`).length, 0);

  await processVideo(parts, job, never);
  t.match(
    await readVideo(environment, id),
    { processed_url: video.processed_url, attempt: 1 },
    'a second run does nothing',
  );
});

t.test('a file that is no video fails at once with a reason, and leaves nothing', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const bytes = Buffer.concat([Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isommp42'), Buffer.alloc(5000, 7)]);
  const { id, job } = await uploadClip(t, environment, (path) => writeFile(path, bytes));
  await processVideo(parts, job, never);
  t.match(await readVideo(environment, id), {
    status: 'failed',
    attempt: 1,
    failure_reason: 'The file could not be read as a video.',
    processed_url: null,
  });
});

t.test('a row of an older system that never got its file fails with a reason', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const [row] = await environment.sql<{ id: number }[]>`
    insert into videos (title, user_id) values ('old', ${await insertPlayer(environment)}) returning id`;
  const [waiting] = await listVideosWaiting(environment.sql, { limit: 1, afterId: 0 });
  if (row === undefined || waiting === undefined) throw new Error('Expected a waiting row, got none');
  const job = { videoId: String(row.id), taskId: waiting.task_id, requestId: waiting.request_id };
  await processVideo(parts, job, never);
  t.match(await readVideo(environment, row.id), {
    status: 'failed',
    failure_reason: 'The file of this video never arrived.',
    processed_url: null,
  });
});

t.test('an aborted job is requeued and leaves neither process, file nor object', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const { id, job } = await uploadClip(t, environment, makeClip('1280x720', 20, '30'));
  const controller = new AbortController();
  const run = processVideo(parts, job, controller.signal);
  run.catch(() => undefined);
  await untilProgress(environment, id);
  controller.abort(new Error('stop'));
  await t.rejects(run, { message: 'stop' });
  t.match(await readVideo(environment, id), {
    status: 'uploaded',
    crashes: 0,
    processing_started_at: null,
    progress: 0,
  });
  t.same(await readdir(join(environment.config.dataDir, 'scratch')), []);
});

t.test('an attempt that was superseded publishes nothing', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const { id, job } = await uploadClip(t, environment, makeClip('1280x720', 10, '30'));
  const run = processVideo(parts, job, never);
  await untilProgress(environment, id);
  await claimVideoForWork(environment.sql, id);
  await run;
  t.match(await readVideo(environment, id), { status: 'uploaded', attempt: 2, processed_url: null });
  t.same(
    (await environment.bucket.keys()).filter((key) => !key.startsWith('uploads/')),
    [],
  );
});

t.test('a video fails after three interrupted attempts', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const { id, job } = await uploadClip(t, environment, makeClip('320x180', 1, '25'));
  for (let attempt = 1; attempt <= 3; attempt += 1) await claimVideoForWork(environment.sql, id);
  await processVideo(parts, job, never);
  const failure_reason = /cut short\. The fault is on our side/;
  t.match(await readVideo(environment, id), { status: 'failed', attempt: 4, crashes: 3, failure_reason });
});

async function untilProgress(environment: Awaited<ReturnType<typeof createEnvironment>>, id: number): Promise<void> {
  const hasProgress = async () => (await readVideo(environment, id)).progress > 0;
  await waitFor('progress', hasProgress, { timeoutMs: 120_000 });
}
