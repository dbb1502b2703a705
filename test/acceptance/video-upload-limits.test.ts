import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { boundary, leavesNothing, rawForm, textPart, titlePart, uploader, videoPart } from './forms.ts';
import { expectRefusal, mp4, openApi, type Uploaded } from './support.ts';

const api = await openApi(t);
const { environment } = api;
const ana = await api.newPlayer();
const send = uploader(api, ana);
const limit = 104_857_600;
const tooLarge = (megabytes: string) => `El archivo excede el tamaño máximo permitido de 100MB. Tamaño: ${megabytes}MB`;

/** Returns bytes that do not repeat, so that a misplaced part is noticed. */
function largeFile(bytes: number): Buffer {
  const block = randomBytes(1_048_573);
  const file = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += block.length) block.copy(file, at);
  mp4().copy(file);
  return file;
}

const whole = largeFile(limit);

async function expectStored(t: Test, id: number, bytes: Buffer): Promise<void> {
  const [row] = await environment.sql<{ key: string; size_bytes: number }[]>`
    select original_url as key, size_bytes from videos where id = ${id}`;
  t.equal(row?.size_bytes, bytes.length);
  const path = join(environment.folder, 'large');
  await environment.objects.getToFile(row?.key ?? '', path, AbortSignal.timeout(60_000));
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  await rm(path);
  t.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'), 'byte for byte');
  await api.call('DELETE', `/api/videos/${id}`, { token: ana.token });
}

t.test('a file of exactly 100 MiB is kept byte for byte', async (t) => {
  const answer = await send(rawForm([titlePart(), videoPart(whole)]));
  t.equal(answer.status, 201, answer.text);
  await expectStored(t, answer.json<Uploaded>().video_id, whole);
});

t.test('a chunked file of 100 MiB is kept byte for byte', async (t) => {
  const form = rawForm([videoPart(whole), titlePart()]);
  const pieces = function* () {
    for (let at = 0; at < form.length; at += 700_001) yield form.subarray(at, at + 700_001);
  };
  const answer = await api.call('POST', '/api/videos/upload', {
    body: Readable.from(pieces()),
    token: ana.token,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  });
  t.equal(answer.status, 201, answer.text);
  await expectStored(t, answer.json<Uploaded>().video_id, whole);
});

t.test('one byte more is refused with its size, in either order of parts, and leaves nothing', async (t) => {
  const longer = Buffer.concat([whole, Buffer.from('x')]);
  for (const parts of [
    [titlePart(), videoPart(longer)],
    [videoPart(longer), titlePart()],
  ]) {
    await leavesNothing(t, api, async () => expectRefusal(t, await send(rawForm(parts)), 400, tooLarge('100.00')));
  }
});

t.test('half a MiB more is reported with two decimals', async (t) => {
  const longer = Buffer.concat([whole, Buffer.alloc(524_288)]);
  await leavesNothing(t, api, async () =>
    expectRefusal(t, await send(rawForm([titlePart(), videoPart(longer)])), 400, tooLarge('100.50')),
  );
});

t.test('a chunked body over 101 MiB is refused, whatever it consists of, and the refusal is read', async (t) => {
  const body = rawForm([titlePart(), videoPart(whole), textPart('other', 'x'.repeat(1_200_000))]);
  await leavesNothing(t, api, async () => {
    const answer = await api.call('POST', '/api/videos/upload', {
      body: Readable.from([body.subarray(0, 50_000_000), body.subarray(50_000_000)]),
      token: ana.token,
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    });
    t.equal(answer.status, 400);
    t.match(answer.json(), { detail: /^El archivo excede el tamaño máximo permitido de 100MB\. Tamaño: \d+\.\d\dMB$/ });
  });
});

t.test('sizes at every edge of a part are kept byte for byte', async (t) => {
  const part = 5 * 1024 * 1024;
  for (const bytes of [part - 1, part, part + 1, 2 * part - 1, 2 * part, 2 * part + 1]) {
    const file = whole.subarray(0, bytes);
    const answer = await send(rawForm([titlePart(), videoPart(file)]));
    t.equal(answer.status, 201, `${bytes}`);
    await expectStored(t, answer.json<Uploaded>().video_id, file);
  }
});
