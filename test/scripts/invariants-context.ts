import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkInvariants } from '../../scripts/ops/invariants/check-all.ts';
import type { CheckDeps } from '../../scripts/ops/invariants/invariant.ts';
import type { LedgerEntry } from '../../scripts/ops/invariants/ledger.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment, type Environment, type TestScope } from '../support/environment.ts';

export interface InvariantsContext extends Environment {
  deps: CheckDeps;
  /** The uploaded video that `openTestContext` creates, and its ledger entry. */
  video: { id: number; taskId: string; key: string };
  entry: LedgerEntry;
}

/** Creates an uploaded video with its job, a processed video, two users and a vote. All invariants hold; each test breaks one. */
export async function openTestContext(t: TestScope): Promise<InvariantsContext> {
  const environment = await createEnvironment(t, { values: { SWEEP_GRACE_SECONDS: '1' } });
  const { sql, objects, config } = environment;
  const producer = videoQueue.openProducer(config.redisUrl);
  t.teardown(() => producer.close());
  for (const name of ['Ana', 'Eva']) {
    await sql`insert into users (first_name, last_name, email, password_hash)
      values (${name}, 'Ruiz', ${`${name}@example.com`}, 'x')`;
  }
  const clip = await makeClip();
  const bytes = await readFile(clip);
  const key = `uploads/${randomUUID()}.mp4`;
  await objects.putFile(key, clip, 'video/mp4', AbortSignal.timeout(60_000));
  const taskId = randomUUID();
  const [row] = await sql<{ id: number }[]>`
    insert into videos (title, status, user_id, original_url, task_id, size_bytes)
    values ('One', 'uploaded', 1, ${key}, ${taskId}, ${bytes.length}) returning id`;
  const id = row?.id ?? 0;
  await producer.add({ videoId: String(id), taskId, requestId: taskId });
  await addProcessedVideo(environment, clip);
  await sql`insert into votes (video_id, user_id) select id, 2 from videos where status = 'processed'`;
  await sql`update videos set votes = 1 where status = 'processed'`;
  await sql`update users set votes = 1 where id = 1`;
  const entry: LedgerEntry = {
    status: 201,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    bytes: bytes.length,
    task_id: taskId,
    video_id: id,
  };
  const deps: CheckDeps = { config, sql, objects, producer, ledger: [entry], service: undefined, settleMs: 10 };
  return { ...environment, deps, video: { id, taskId, key }, entry };
}

async function addProcessedVideo({ sql, objects }: Environment, clip: string): Promise<void> {
  const [original, rendition] = [`uploads/${randomUUID()}.mp4`, `processed/${randomUUID()}.mp4`];
  for (const key of [original, rendition]) await objects.putFile(key, clip, 'video/mp4', AbortSignal.timeout(60_000));
  await sql`insert into videos (title, status, user_id, original_url, task_id) values ('Two', 'uploaded', 1, ${original}, ${randomUUID()})`;
  await sql`update videos set status = 'processed', processed_url = ${rendition} where original_url = ${original}`;
}

/** Returns the violations as `number: text`. */
export async function findBreaks(deps: CheckDeps): Promise<string[]> {
  const verdicts = await checkInvariants(deps);
  return verdicts.flatMap(({ number, breaks }) => breaks.map((each) => `${number}: ${each}`));
}

/** Serves this text for every request. */
export async function serve(t: TestScope, text: string): Promise<string> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function clearBucket(objects: Environment['objects'], sql: Environment['sql']): Promise<void> {
  await sql`delete from videos`;
  for (const folder of ['uploads/', 'processed/']) {
    for await (const { key } of objects.listObjects(folder)) await objects.deleteObject(key);
  }
}
