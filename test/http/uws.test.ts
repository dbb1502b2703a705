import { once } from 'node:events';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import * as fence from '../../src/http/uws.ts';
import { openSocket, readAnswer } from '../acceptance/raw-http.ts';
import { app, errors, type Handle, head, MiB, neverSent, port, readToEnd, requestHead, serve } from './fence.ts';

serve('/small', (transport) => void fence.sendResponse(transport, head('200 OK'), Buffer.from('ñandú'), neverSent));

t.test('the port is listened on with bounded socket buffers', async (t) => {
  t.equal(app.listen(port), process.platform === 'linux');
});

t.test('a response has the length of its bytes, and the connection goes on', async (t) => {
  const socket = await openSocket(port);
  for (let round = 0; round < 2; round += 1) {
    const answer = readAnswer(socket);
    socket.write(requestHead('GET', '/small'));
    t.match(await answer, { status: 200, body: 'ñandú' });
  }
  socket.destroy();
});

t.test('a request whose head has up to 16 KiB is served, in one read or in two; a larger one is 431', async (t) => {
  for (const [bytes, status] of [
    [15_000, 200],
    [30_000, 431],
  ] as const) {
    const whole = requestHead('GET', '/small', `Cookie: a=${'a'.repeat(bytes)}`);
    const socket = await openSocket(port);
    const answer = readAnswer(socket);
    socket.setNoDelay();
    socket.write(whole.slice(0, 3_000));
    // The server has read the first part once it has answered another connection.
    const other = await openSocket(port);
    const between = readAnswer(other);
    other.write(requestHead('GET', '/small'));
    await between;
    other.destroy();
    socket.write(whole.slice(3_000));
    t.equal((await answer).status, status, `${bytes} bytes`);
    socket.destroy();
  }
});

serve('/head', (transport, method) => {
  if (method === 'HEAD') fence.sendWithoutBody(transport, head('200 OK', false), 5);
  else fence.sendWithoutBody(transport, head('304 Not Modified', true), 0);
});

t.test('a response without a body has the length of the one with a body, and the connection goes on', async (t) => {
  const socket = await openSocket(port);
  for (let round = 0; round < 2; round += 1) {
    const answer = readAnswer(socket, { isHead: true });
    socket.write(requestHead('HEAD', '/head'));
    t.equal((await answer).header('content-length'), '5');
  }
  const last = readToEnd(socket);
  socket.write(requestHead('GET', '/head'));
  t.match((await last).toString(), /^HTTP\/1\.1 304 Not Modified\r\n[\s\S]*Connection: close/);
});

let early: Promise<void> | undefined;
serve('/early', (transport, _method, readHeader) => {
  const closes = readHeader('x-close') !== '';
  fence.onAborted(transport, () => undefined);
  let respond = () => {};
  early = new Promise((resolve) => {
    respond = resolve;
  });
  fence.onBody(transport, (_, isLast) => {
    if (isLast) fence.endEarlyResponse(transport);
  });
  setImmediate(() => {
    fence.cork(transport, () => fence.sendEarlyResponse(transport, head('401 No', closes), '{"detail":"inválido"}'));
    if (closes) fence.closeConnection(transport);
    respond();
  });
});

t.test(
  'an early response is read whole before the body is sent, and the next request on the connection is served',
  async (t) => {
    const socket = await openSocket(port);
    const refused = readAnswer(socket);
    socket.write(requestHead('POST', '/early', 'Content-Length: 10'));
    const { status, body } = await refused;
    t.equal(status, 401);
    t.strictSame(JSON.parse(body), { detail: 'inválido' });
    await early;
    socket.write('0123456789');
    const answer = readAnswer(socket);
    socket.write(requestHead('GET', '/small'));
    t.equal((await answer).body, 'ñandú');
    socket.destroy();
  },
);

t.test('an early response that closes says so', async (t) => {
  const socket = await openSocket(port);
  const all = readToEnd(socket);
  socket.write(requestHead('POST', '/early', 'Content-Length: 10', 'X-Close: yes'));
  t.match((await all).toString(), /Connection: close\r\n[\s\S]*inválido/);
});

const large = Buffer.alloc(16 * MiB, 'x');
let largeServed = 0;
let largeSent = 0;
serve('/large', (transport, _method, readHeader) => {
  largeServed += 1;
  fence.onAborted(transport, () => undefined);
  const isSent = fence.sendResponse(transport, head('200 OK', readHeader('x-close') !== ''), large, () => {
    largeSent += 1;
  });
  t.notOk(isSent, 'a client reads 16 MiB in several turns');
});

t.test('a response that the client does not read is sent as far as it reads, whole in the end', async (t) => {
  const socket = await openSocket(port);
  socket.write(requestHead('GET', '/large', 'X-Close: yes'));
  await waitFor('the request to be served', () => largeServed === 1);
  socket.pause();
  t.equal(largeSent, 0, 'the response stays open while nothing is read');
  const all = readToEnd(socket);
  socket.resume();
  await waitFor('the response to be sent', () => largeSent === 1);
  socket.end();
  const received = await all;
  t.ok(received.subarray(received.indexOf('\r\n\r\n') + 4).equals(large), 'every byte arrived, once');
});

t.test('no pipelined request is served while a response is not read', async (t) => {
  const before = largeServed;
  const socket = await openSocket(port);
  socket.pause();
  socket.write(requestHead('GET', '/large').repeat(1_500));
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  await waitFor('the first request to be served', () => largeServed > before);
  socket.resume();
  await closed;
  t.equal(largeServed, before + 1, 'the first of 1,500');
});

t.test('a request hidden behind one that closes the connection is not served', async (t) => {
  const before = largeServed;
  const socket = await openSocket(port);
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(requestHead('GET', '/large', 'X-Close: yes'));
  await waitFor('the request to be served', () => largeServed > before);
  socket.write(requestHead('GET', '/small'));
  const all = readToEnd(socket);
  socket.resume();
  t.notMatch((await all).subarray(-1_000).toString(), 'ñandú', 'the connection ends first');
});

const failing: Record<string, Handle> = {
  '/throws/handler': () => {
    throw new Error('in a handler');
  },
  '/throws/body': (transport) => {
    fence.onAborted(transport, () => undefined);
    fence.onBody(transport, () => {
      throw new Error('in a body');
    });
  },
  '/throws/cork': (transport) => {
    fence.onAborted(transport, () => undefined);
    setImmediate(() =>
      fence.cork(transport, () => {
        throw new Error('in a cork');
      }),
    );
  },
  '/throws/abort': (transport) => {
    fence.onAborted(transport, () => {
      throw new Error('in an abort');
    });
    setImmediate(() => fence.closeConnection(transport));
  },
};
for (const [path, handle] of Object.entries(failing)) serve(path, handle);

t.test('an exception in a callback ends its own request, is reported, and the process serves on', async (t) => {
  for (const path of Object.keys(failing)) {
    errors.length = 0;
    const socket = await openSocket(port);
    socket.on('error', () => undefined);
    const all = readToEnd(socket);
    socket.write(`${requestHead('POST', path, 'Content-Length: 2')}ok`);
    t.equal((await all).length, 0, `${path} gets no response`);
    t.equal(errors.length, 1, `${path} is reported once`);
    const after = await openSocket(port);
    const answer = readAnswer(after);
    after.write(requestHead('GET', '/small'));
    t.equal((await answer).status, 200);
    after.destroy();
  }
});
