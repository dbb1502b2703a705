import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { beginVideoUpload, type UploadDeps } from '../../src/actions/upload-video.ts';
import { claimAgedIntents } from '../../src/database/object-intents.ts';
import { openDatabase } from '../../src/database/open.ts';
import { reservedPartPages } from '../../src/limits.ts';
import { openLog } from '../../src/log.ts';
import { openPartBuffers } from '../../src/objects/part-buffers.ts';
import { openObjectStore } from '../../src/objects/store.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { startS3Proxy } from '../faults/support/s3-proxy.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { makeVideo } from '../faults/support/video.ts';
import { createEnvironment, type TestScope } from '../support/environment.ts';
import { ffmpeg, makeFolder } from '../worker/support/clips.ts';

/** Opens an upload's dependencies, with a proxy before the database and one before S3. */
async function openTestContext(t: TestScope) {
  const environment = await createEnvironment(t, { isCrashTest: true });
  const { config, sql } = environment;
  await sql`insert into users (first_name, last_name, email, password_hash) values ('Ana', 'Ruiz', 'ana@example.com', 'x')`;
  const url = new URL(config.databaseUrl);
  const database = await startTcpProxy(t, { port: Number(url.port) });
  url.port = String(database.port);
  const s3 = await startS3Proxy(t, config.s3.endpoint ?? '');
  const buffers = openPartBuffers(4 * reservedPartPages);
  const parts: UploadDeps = {
    sql: openDatabase(url.href, { connections: 1, applicationName: 'test' }),
    objects: openObjectStore({ ...config.s3, endpoint: s3.endpoint }),
    producer: videoQueue.openProducer(config.redisUrl),
    log: openLog('silent'),
  };
  t.teardown(async () => {
    await parts.sql.end({ timeout: 1 });
    await parts.producer.close();
    parts.objects.close();
  });
  return { ...environment, parts, database, s3, buffers };
}

async function begin(
  { parts, buffers }: Awaited<ReturnType<typeof openTestContext>>,
  bytes: Buffer,
  client = new AbortController(),
  { chunkBytes = 100_000, isSlow = false } = {},
) {
  const { signal } = client;
  const buffer = await buffers.acquire(signal, () => undefined);
  const upload = beginVideoUpload(parts, {
    userId: 1,
    requestId: randomUUID(),
    contentType: 'video/mp4',
    announcedBytes: 0,
    limits: { quotaBytes: 1e9, waitingMax: 1e9 },
    buffer,
    signal,
  });
  if (isSlow) await waitFor('the upload to count as slow', () => buffers.inUse() === 0);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    if (!buffer.receive(chunk.length)) await buffer.waitForRoom(chunk.length, signal);
    upload.append(chunk);
    if (buffer.isFull()) await upload.flush();
  }
  const undo = () => {
    const undone = upload.undo();
    buffer.close();
    return undone;
  };
  return { ...upload, undo };
}

const video = makeVideo(6_000_000, 1);

t.test('a finished upload has a row that names the whole object, no intent, and holds no buffer', async (t) => {
  const stage = await openTestContext(t);
  const upload = await begin(stage, video.bytes);
  const { videoId } = await upload.finish('A clip');
  const [row] = await stage.sql`select original_url, size_bytes, status from videos where id = ${videoId}`;
  t.match(row, { size_bytes: video.bytes.length, status: 'uploaded' });
  t.strictSame(await stage.bucket.keys(), [row?.['original_url']]);
  t.strictSame([...(await stage.sql`select * from object_intents`)], []);
  t.equal(stage.buffers.inUse(), 0);
});

t.test('an upload taken back leaves nothing, wherever it was', async (t) => {
  const stage = await openTestContext(t);
  for (const length of [0, 100, 5 * 1024 * 1024 + 10, video.bytes.length]) {
    const client = new AbortController();
    const upload = await begin(stage, video.bytes.subarray(0, length), client);
    client.abort(new Error('gone'));
    await upload.undo();
    t.equal(stage.buffers.inUse(), 0, `${length} bytes: no buffer`);
    t.strictSame(await stage.bucket.openMultiparts(), [], `${length} bytes: no open upload`);
    t.strictSame([...(await stage.sql`select * from object_intents`)], [], `${length} bytes: no intent`);
  }
  t.strictSame(await stage.bucket.keys(), []);
});

t.test('when the database commits, says nothing and goes away, the object stays with its row', async (t) => {
  const stage = await openTestContext(t);
  // A prepared statement is sent at once, so that it is executed although its response is lost.
  const earlier = await begin(stage, video.bytes);
  const { videoId } = await earlier.finish('An earlier clip');
  const upload = await begin(stage, video.bytes);
  stage.s3.setRule(({ operation }) => {
    // The object is complete: from here on the database receives queries but its responses are lost.
    if (operation === 'Head') stage.database.setFault({ swallowsAnswers: true });
    return undefined;
  });
  await t.rejects(upload.finish('A clip'), { code: 'upload_not_stored', retryAfterSeconds: Number });
  await upload.undo();
  stage.database.setFault({});
  const [row] = await stage.sql<{ original_url: string }[]>`select original_url from videos where id > ${videoId}`;
  t.ok(row, 'the row was committed');
  t.ok((await stage.bucket.keys()).includes(row?.original_url ?? ''), 'and its object was not taken away');
});

t.test('when the database goes away before the row, the intent stays and leads to the object', async (t) => {
  const stage = await openTestContext(t);
  const upload = await begin(stage, video.bytes);
  stage.s3.setRule(({ operation }) => {
    if (operation === 'Head') {
      stage.database.setFault({ refuses: true });
      stage.database.cutAll();
    }
    return undefined;
  });
  await t.rejects(upload.finish('A clip'), { code: 'upload_not_stored' });
  await upload.undo();
  await stage.parts.sql.end({ timeout: 0 });
  stage.database.setFault({});
  const intents = await stage.sql<{ key: string }[]>`select key from object_intents`;
  t.strictSame(
    intents.map(({ key }) => key),
    await stage.bucket.keys(),
  );
  t.strictSame([...(await stage.sql`select id from videos`)], []);
});

t.test('an upload whose intent a sweep has claimed gives up, and leaves no row', async (t) => {
  const stage = await openTestContext(t);
  const upload = await begin(stage, video.bytes);
  const [key] = await claimAgedIntents(stage.sql, { graceSeconds: -1, limit: 10 });
  await t.rejects(upload.finish('A clip'), { code: 'upload_not_stored' });
  await upload.undo();
  t.strictSame([...(await stage.sql`select id from videos`)], []);
  await stage.objects.deleteObject(key ?? '');
});

t.test('a Complete is successful only when S3 shows the object', async (t) => {
  const stage = await openTestContext(t);
  for (const fault of [
    { kind: 'lie' },
    { kind: 'emptyAnswer', isDone: false },
    { kind: 'errorIn200', isDone: false },
  ] as const) {
    const upload = await begin(stage, video.bytes);
    stage.s3.setRule(({ operation }) => (operation === 'Complete' ? fault : undefined));
    await t.rejects(upload.finish('A clip'), { code: 'upload_not_stored' }, fault.kind);
    await upload.undo();
    t.strictSame(await stage.bucket.openMultiparts(), [], fault.kind);
  }
  t.strictSame(await stage.bucket.keys(), []);
  t.equal(stage.buffers.inUse(), 0);
});

t.test('Redis away costs the job, not the upload', async (t) => {
  const stage = await openTestContext(t);
  const producer = videoQueue.openProducer('redis://127.0.0.1:1');
  t.teardown(() => producer.close());
  const upload = await begin({ ...stage, parts: { ...stage.parts, producer } }, video.bytes);
  const { videoId } = await upload.finish('A clip');
  t.ok(videoId > 0);
});

t.test('a file without a picture is refused once its index is known, and leaves nothing', async (t) => {
  const stage = await openTestContext(t);
  const path = join(await makeFolder(t), 'sound.mp4');
  await ffmpeg('-f', 'lavfi', '-i', 'sine=duration=0.2', '-c:a', 'aac', '-f', 'mp4', path);
  const sound = await readFile(path);
  const long = Buffer.concat([sound, freeBox(6_000_000)]);
  for (const [name, bytes] of Object.entries({ short: sound, long })) {
    const upload = begin(stage, bytes).then((begun) => begun.finish('A song').finally(() => begun.undo()));
    await t.rejects(upload, { code: 'wrong_file_type', message: /tipo o tamaño no valido/ }, name);
  }
  t.strictSame(await stage.bucket.keys(), []);
});

function freeBox(length: number): Buffer {
  const box = Buffer.alloc(length);
  box.writeUInt32BE(length);
  box.write('free', 4, 'latin1');
  return box;
}

t.test('an upload that S3 refuses, or that is given up while S3 takes a part, releases every page', async (t) => {
  const stage = await openTestContext(t);
  stage.s3.setRule(({ operation }) =>
    operation === 'UploadPart' ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : undefined,
  );
  const refused = await begin(stage, video.bytes);
  await t.rejects(refused.finish('A clip'), { code: 'upload_not_stored' });
  await refused.undo();
  t.equal(stage.buffers.inUse(), 0);

  const client = new AbortController();
  stage.s3.setRule(({ operation }) => {
    if (operation !== 'UploadPart') return undefined;
    setImmediate(() => client.abort(new Error('gone')));
    return { kind: 'hang' };
  });
  const leaving = await begin(stage, video.bytes, client);
  await t.rejects(leaving.finish('A clip'), /gone/);
  await leaving.undo();
  t.equal(stage.buffers.inUse(), 0);
  stage.s3.setRule(() => undefined);
  t.strictSame(await stage.bucket.keys(), []);
});

t.test('the object is what was sent, in any chunks and at any pace', async (t) => {
  const stage = await openTestContext(t);
  const key = async (id: number) =>
    (await stage.sql`select original_url from videos where id = ${id}`)[0]?.['original_url'];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 20_000, max: 500_000 }), fc.boolean(), async (chunkBytes, isSlow) => {
      const { bytes } = makeVideo(11_000_000 + chunkBytes, chunkBytes);
      const upload = await begin(stage, bytes, new AbortController(), { chunkBytes, isSlow });
      const { videoId } = await upload.finish('A clip');
      const path = join(stage.folder, 'stored');
      await stage.objects.getToFile(await key(videoId), path, AbortSignal.timeout(30_000));
      return (await readFile(path)).equals(bytes) && stage.buffers.inUse() === 0;
    }),
    { numRuns: 6 },
  );
});
