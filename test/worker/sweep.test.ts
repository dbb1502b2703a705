import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { recordIntents } from '../../src/database/object-intents.ts';
import { withSweepLock } from '../../src/database/sweep-lock.ts';
import { openLog } from '../../src/log.ts';
import { newPosterKey, newRenditionKey, newUploadKey } from '../../src/objects/keys.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { sweepOnce } from '../../worker/sweep.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { makeClip, makeFolder } from './support/clips.ts';
import { insertPlayer, upload } from './support/upload.ts';

const never = new AbortController().signal;
/** A grace period, in seconds, that has passed for every object, also for one stored in this second. */
const allIsOld = -60;

t.test('waiting rows without a job are queued in turn, and jobs that no row needs are taken out', async (t) => {
  const { environment, producer, sweep, clip } = await open(t);
  const player = await insertPlayer(environment);
  const videos = [];
  for (let i = 0; i < 3; i += 1) videos.push(await upload(environment, clip, player));
  await environment.sql`update videos set task_id = null where id = ${videos[0]?.id ?? 0}`;
  const orphan = { videoId: '999999', taskId: randomUUID(), requestId: 'request' };
  await producer.add(orphan);

  t.same(
    await sweep(true),
    ['job_without_row', 'row_without_job', 'row_without_job', 'row_without_job'],
    'reported, not deleted',
  );
  t.match(await producer.listJobs(), [{ id: orphan.taskId }]);
  t.equal((await sweep()).length, 4);
  const jobs = await producer.listJobs();
  t.same(jobs.map(({ rank }) => rank).sort(), [1, 2, 3]);
  t.notOk(jobs.some(({ id }) => id === orphan.taskId));
  t.same(await sweep(), [], 'the second finds nothing');

  await environment.sql`update videos set status = 'failed' where id = ${videos[0]?.id ?? 0}`;
  t.same(await sweep(), ['job_without_row']);
  await sweep();
  t.same((await producer.listJobs()).map(({ rank }) => rank).sort(), [1, 2], 'the others have moved up');
  for (const { id } of await producer.listJobs()) await producer.remove(id);
});

t.test('objects left by a crash are removed once they are old, and no others', async (t) => {
  const { environment, sweep, clip } = await open(t);
  const { objects, sql, bucket } = environment;
  const put = (key: string) => objects.putFile(key, clip, 'video/mp4', never);
  const kept = [
    (await upload(environment, clip)).key,
    'uploads/user_7_1700000000.mp4',
    'uploads/notes.txt',
    'elsewhere/0b0b9c3e-8f4e-4a55-9d3c-0c5f9a9b7a10.mp4',
    `processed/processed_${randomUUID()}.mp4`,
  ];
  for (const key of kept.slice(1)) await put(key);
  const [intended, stray, poster] = [newUploadKey(), newRenditionKey(), newPosterKey()];
  await recordIntents(sql, [intended]);
  for (const key of [intended, stray, poster]) await put(key);
  const openKeys = [newUploadKey(), newUploadKey()];
  await recordIntents(sql, openKeys.slice(0, 1));
  for (const key of openKeys) await objects.createMultipart(key, 'video/mp4', never);
  const foreign = await objects.createMultipart('elsewhere/big.bin', 'video/mp4', never);

  t.same(bucketKinds(await sweep(false, 3600)), [], 'too young');
  const kinds = ['aged_intent', 'aged_intent', 'multipart_without_row', 'object_without_row', 'object_without_row'];
  t.same(bucketKinds(await sweep(true)), [...kinds.slice(0, 2), 'multipart_without_row', ...kinds.slice(3)]);
  t.equal((await bucket.keys()).length, kept.length + 3, 'a dry run removes nothing');
  t.same(bucketKinds(await sweep()), kinds);
  t.same((await bucket.keys()).sort(), [...kept].sort());
  t.same(await bucket.openMultiparts(), ['elsewhere/big.bin']);
  t.equal((await sql`select key from object_intents`).length, 0);

  await objects.abortMultipart('elsewhere/big.bin', foreign);
  for (const key of kept.slice(1)) await objects.deleteObject(key);
});

t.test('one sweep at a time', async (t) => {
  const { environment, sweep } = await open(t);
  await withSweepLock(environment.sql, 'sweep-queue', async () => {
    await t.rejects(sweep(), { message: 'a sweep is running' });
  });
  t.same(await sweep(), []);
});

function bucketKinds(kinds: string[]): string[] {
  return kinds.filter((kind) => !kind.includes('job'));
}

async function open(t: Test) {
  const environment: Environment = await createEnvironment(t);
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  t.teardown(() => producer.close());
  const clip = join(await makeFolder(t), 'clip.mp4');
  await makeClip('64x64', 0.2, '5')(clip);
  const sweep = async (dryRun = false, graceSeconds = allIsOld): Promise<string[]> => {
    const kinds: string[] = [];
    const { sql, objects } = environment;
    const parts = { sql, objects, producer, log: openLog('silent'), graceSeconds };
    if (!(await sweepOnce(parts, dryRun, (kind) => kinds.push(kind)))) throw new Error('a sweep is running');
    return kinds.sort();
  };
  return { environment, producer, sweep, clip };
}
