import { Readable } from 'node:stream';
import t from 'tap';
import {
  boundary,
  expectSentence,
  leavesNothing,
  rawForm,
  titlePart,
  uploader,
  uploadHead,
  videoPart,
} from './forms.ts';
import { openSocket, readAnswer, sendRaw } from './raw-http.ts';
import { expectRefusal, mp4, openApi, type Uploaded } from './support.ts';

const api = await openApi(t);
const { service } = api;
const ana = await api.newPlayer();
const send = uploader(api, ana);
const small = rawForm([titlePart(), videoPart()]);
const large = rawForm([titlePart(), videoPart(mp4(20_000_000))]);

const head = uploadHead(ana.token);

function chunk(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]);
}

const lastChunk = '0\r\n\r\n';

t.test('a body without a length is served like any other, and its connection closed after the answer', async (t) => {
  for (const line of ['Transfer-Encoding: chunked', 'transfer-encoding: Chunked', 'TRANSFER-ENCODING:chunked']) {
    const chunks = [chunk(small.subarray(0, 10)), chunk(small.subarray(10)), lastChunk];
    const answer = await sendRaw(service.port, head([line]), { chunks, waitsForClose: true });
    t.equal(answer.status, 201, line);
    t.match(answer.header('connection'), /close/i);
    t.ok(answer.closed, 'closed');
  }
  const answer = await send(large.subarray(0, 0), {}).catch(() => undefined);
  t.equal(answer?.status, 400, 'while an empty body ends early');
});

t.test('a chunked body of several parts of S3’s arrives whole, in chunks of any size', async (t) => {
  for (const size of [1 << 14, 65_537, 1_000_003]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < large.length; at += size) pieces.push(large.subarray(at, at + size));
    const answer = await api.call('POST', '/api/videos/upload', {
      body: Readable.from(pieces),
      token: ana.token,
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    });
    t.equal(answer.status, 201, answer.text);
    const [row] = await api.environment
      .sql`select size_bytes from videos where id = ${answer.json<Uploaded>().video_id}`;
    t.equal(row?.['size_bytes'], 20_000_000);
  }
});

t.test('a chunked body is held to the same rules', async (t) => {
  const refusals: [Buffer, number][] = [
    [rawForm([titlePart(), videoPart('x')]), 400],
    [rawForm([titlePart()]), 422],
    [small.subarray(0, -10), 400],
  ];
  for (const [body, status] of refusals) {
    await leavesNothing(t, api, async () => {
      const chunks = [chunk(body), lastChunk];
      expectSentence(t, await sendRaw(service.port, head(['Transfer-Encoding: chunked']), { chunks }), status);
    });
  }
  await leavesNothing(t, api, async () => {
    const answer = await sendRaw(service.port, head(['Transfer-Encoding: chunked'], 'x'), {
      chunks: [chunk(small), lastChunk],
    });
    expectSentence(t, answer, 401);
  });
});

t.test('both framings at once, or any other Transfer-Encoding, is 400 and closed', async (t) => {
  const length = `Content-Length: ${small.length}`;
  const ways: string[][] = [
    ['Transfer-Encoding: chunked', length],
    [length, 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding: chunked, gzip'],
    ['Transfer-Encoding: gzip'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: xchunked'],
  ];
  for (const lines of ways) {
    await leavesNothing(t, api, async () => {
      const answer = await sendRaw(service.port, head(lines) + chunk(small) + lastChunk, { waitsForClose: true });
      t.equal(answer.status, 400, lines.join(' and '));
      t.ok(answer.closed, 'closed');
    });
  }
});

t.test('two Content-Lengths, or one that is no number, are 400 and closed', async (t) => {
  const ways = [
    [`Content-Length: ${small.length}`, `Content-Length: ${small.length + 5}`],
    [`Content-Length: ${small.length}`, `Content-Length: ${small.length}`],
    ['Content-Length: 5, 5'],
    ['Content-Length: -5'],
    ['Content-Length: +5'],
    ['Content-Length: 0x10'],
    ['Content-Length: abc'],
  ];
  for (const lines of ways) {
    await leavesNothing(t, api, async () => {
      const answer = await sendRaw(service.port, head(lines) + small, { waitsForClose: true });
      t.equal(answer.status, 400, lines.join(' and '));
      t.ok(answer.closed, 'closed');
    });
  }
});

t.test('a request hidden behind a chunked body is not served', async (t) => {
  const hidden = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
  const refused = rawForm([titlePart(), videoPart('')]);
  const fronts = [
    head(['Transfer-Encoding: chunked']),
    head(['Transfer-Encoding: chunked'], 'nonsense'),
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'PUT /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET /livez/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
  ];
  for (const front of fronts) {
    const socket = await openSocket(service.port);
    socket.write(front + chunk(refused) + lastChunk + hidden);
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    await new Promise((resolve) => socket.once('close', resolve));
    t.ok(text.split('HTTP/1.1 ').length <= 2, `${front.slice(0, 30)}: one answer at most`);
    t.notMatch(front.includes('GET') ? '' : text, /alive/);
  }
});

t.test('two uploads on one connection are two videos', async (t) => {
  const socket = await openSocket(service.port);
  const ids: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    const answer = readAnswer(socket);
    socket.write(head([`Content-Length: ${small.length}`]));
    socket.write(small);
    ids.push(JSON.parse((await answer).body).video_id);
  }
  socket.destroy();
  t.ok(Number.isInteger(ids[0]) && Number.isInteger(ids[1]) && ids[0] !== ids[1]);
});

t.test('a form that comes byte by byte is a form', async (t) => {
  const socket = await openSocket(service.port);
  const answer = readAnswer(socket);
  socket.write(head([`Content-Length: ${small.length}`]));
  for (const byte of small) {
    socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  t.equal((await answer).status, 201);
  socket.destroy();
});

t.test('the service is as it was after all this', async (t) => {
  expectRefusal(t, await send(rawForm([titlePart(), videoPart('')])), 400, 'El archivo está vacío');
  t.equal((await send(large)).status, 201);
});
