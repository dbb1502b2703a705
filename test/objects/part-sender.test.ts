import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import t from 'tap';
import { partBytes, s3PartAttempts } from '../../src/limits.ts';
import { extendCrc32, formatCrc32 } from '../../src/objects/checksum.ts';
import { openS3Connection } from '../../src/objects/client.ts';
import { openPartSender, type Part } from '../../src/objects/part-sender.ts';
import { createEnvironment } from '../support/environment.ts';

const never = new AbortController().signal;

function partOf(bytes: Buffer): Part {
  return { pieces: [bytes], crc32: extendCrc32(0, bytes) };
}

t.test('a checksum grown chunk by chunk is that of the whole', async (t) => {
  const bytes = randomBytes(200_003);
  for (const size of [1, 7, 4096, 65_536, bytes.length]) {
    let sum = 0;
    for (let at = 0; at < bytes.length; at += size) sum = extendCrc32(sum, bytes.subarray(at, at + size));
    t.equal(sum, crc32(bytes), `chunks of ${size}`);
  }
  t.equal(formatCrc32(crc32('123456789')), 'y/Q5Jg==');
});

t.test('parts sent to S3 are the object', async (t) => {
  const { objects, folder } = await createEnvironment(t);
  const key = 'uploads/0b0e3f9a-6d3c-4f0e-9f52-7b6f6a3b2c11.mp4';
  const bytes = randomBytes(partBytes + 1);
  const uploadId = await objects.createMultipart(key, 'video/mp4', never);
  const first = await objects.sendPart({ key, uploadId, partNumber: 1 }, partOf(bytes.subarray(0, partBytes)), never);
  const last = await objects.sendPart({ key, uploadId, partNumber: 2 }, partOf(bytes.subarray(partBytes)), never);
  await objects.completeMultipart(key, uploadId, [first, last]);
  await objects.getToFile(key, join(folder, 'object'), never);
  t.ok(readFileSync(join(folder, 'object')).equals(bytes));
  await objects.deleteObject(key);
});

t.test('a part in many pieces is stored as one, also when it is sent again', async (t) => {
  const { objects, folder, bucket } = await createEnvironment(t);
  const key = 'uploads/2b0e3f9a-6d3c-4f0e-9f52-7b6f6a3b2c11.mp4';
  const bytes = randomBytes(1_000_003);
  const pieces = Array.from({ length: 16 }, (_, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536));
  const uploadId = await objects.createMultipart(key, 'video/mp4', never);
  const place = { key, uploadId, partNumber: 1 };
  const part = { pieces, crc32: extendCrc32(0, bytes) };
  await objects.sendPart(place, part, never);
  await objects.completeMultipart(key, uploadId, [await objects.sendPart(place, part, never)]);
  await objects.getToFile(key, join(folder, 'object'), never);
  t.ok(readFileSync(join(folder, 'object')).equals(bytes));
  await objects.deleteObject(key);
  t.strictSame(await bucket.openMultiparts(), []);
});

t.test('a part whose bytes changed since they came is refused', async (t) => {
  const { objects } = await createEnvironment(t);
  const key = 'uploads/1b0e3f9a-6d3c-4f0e-9f52-7b6f6a3b2c11.mp4';
  const uploadId = await objects.createMultipart(key, 'video/mp4', never);
  const bytes = randomBytes(10_000);
  const part = partOf(bytes);
  bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
  await t.rejects(objects.sendPart({ key, uploadId, partNumber: 1 }, part, never), /S3 refused a part: 400/);
  await objects.abortMultipart(key, uploadId);
});

/** Opens a sender to an S3 endpoint that answers the n-th request (from 1) as `respond` says. */
async function openSender(t: Pick<typeof import('tap').t, 'teardown'>, answer: (n: number) => RequestListener) {
  let requests = 0;
  const server = createServer((req, res) => {
    requests += 1;
    const respond = answer(requests);
    req.resume().on('end', () => respond(req, res));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connection = openS3Connection({
    bucket: 'bucket',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    accountId: undefined,
    accessKeyId: 'key',
    secretAccessKey: 'secret',
  });
  t.teardown(() => {
    connection.agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const send = openPartSender(connection);
  const place = { key: 'uploads/a.mp4', uploadId: 'abc', partNumber: 3 };
  return {
    send: (signal: AbortSignal = never) => send(place, partOf(Buffer.alloc(300_000, 'x')), signal),
    requests: () => requests,
  };
}

const take: RequestListener = (_req, res) => res.setHeader('ETag', '"etag"').end();
const cut: RequestListener = (req) => req.socket.destroy();

function refuse(status: number, code: string): RequestListener {
  return (_req, res) => res.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
}

t.test('temporary failures are retried', async (t) => {
  const faults: Record<string, RequestListener> = {
    'a cut connection': cut,
    'slow down': refuse(503, 'SlowDown'),
    'an internal error': refuse(500, 'InternalError'),
    'a damaged part': refuse(400, 'BadDigest'),
  };
  for (const [name, fault] of Object.entries(faults)) {
    const { send, requests } = await openSender(t, (n) => (n < 3 ? fault : take));
    t.same(await send(), { partNumber: 3, etag: '"etag"', crc32: partChecksum }, name);
    t.equal(requests(), 3, name);
  }
});

const partChecksum = formatCrc32(crc32(Buffer.alloc(300_000, 'x')));

t.test('retries end after the last attempt', async (t) => {
  const { send, requests } = await openSender(t, () => refuse(503, 'SlowDown'));
  await t.rejects(send(), /S3 refused a part: 503 SlowDown/);
  t.equal(requests(), s3PartAttempts);
});

t.test('and what will not pass is not', async (t) => {
  const { send, requests } = await openSender(t, () => refuse(403, 'AccessDenied'));
  await t.rejects(send(), /S3 refused a part: 403 AccessDenied/);
  t.equal(requests(), 1);
});

t.test('aborting an upload ends its running request', async (t) => {
  const abort = new AbortController();
  const { send, requests } = await openSender(t, () => () => abort.abort());
  await t.rejects(send(abort.signal));
  t.equal(requests(), 1);
});
