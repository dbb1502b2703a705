import { once } from 'node:events';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import * as fence from '../../src/http/uws.ts';
import { socketChunkMaxBytes } from '../../src/limits.ts';
import { openSocket, readAnswer } from '../acceptance/raw-http.ts';
import { app, head, MiB, neverSent, port, readToEnd, requestHead, serve } from './fence.ts';

app.listen(port);

let paused: { transport: fence.Transport; bytes: number; behindPause: number } | undefined;
serve('/pause', (transport) => {
  const seen = { transport, bytes: 0, behindPause: 0, isPaused: true };
  paused = seen;
  fence.onAborted(transport, () => undefined);
  fence.onBody(transport, (chunk, isLast) => {
    seen.bytes += chunk.length;
    if (seen.isPaused) seen.behindPause = Math.max(seen.behindPause, chunk.length);
    if (isLast)
      fence.cork(transport, () => void fence.sendResponse(transport, head('201 Created'), Buffer.from('x'), neverSent));
    else if (!seen.isPaused) {
      seen.isPaused = true;
      fence.pauseBody(transport);
      setImmediate(() => {
        seen.isPaused = false;
        fence.resumeBody(transport);
      });
    }
  });
  fence.pauseBody(transport);
  setImmediate(() => {
    seen.isPaused = false;
    fence.resumeBody(transport);
  });
});

t.test('a client as fast as the machine gets at most one read in behind a pause, and no byte is lost', async (t) => {
  const socket = await openSocket(port);
  const answer = readAnswer(socket);
  socket.write(requestHead('POST', '/pause', `Content-Length: ${64 * MiB}`));
  for (let sent = 0; sent < 64; sent += 1) if (!socket.write(Buffer.alloc(MiB))) await once(socket, 'drain');
  t.equal((await answer).status, 201);
  t.equal(paused?.bytes, 64 * MiB);
  t.ok((paused?.behindPause ?? 0) < socketChunkMaxBytes, `${paused?.behindPause} bytes`);
  socket.destroy();
});

serve('/continue', (transport, _method, readHeader) => {
  if (readHeader('expect') !== '100-continue') fence.sendContinue(transport);
  fence.onAborted(transport, () => undefined);
  fence.onBody(transport, (_, isLast) => {
    if (isLast) fence.sendResponse(transport, head('201 Created'), Buffer.from('done'), neverSent);
  });
});

t.test('a client that waits for 100 Continue gets it in every spelling, then one whole response', async (t) => {
  for (const expectation of ['100-continue', '100-Continue']) {
    const socket = await openSocket(port);
    socket.write(requestHead('POST', '/continue', 'Content-Length: 2', `Expect: ${expectation}`));
    const [interim] = (await once(socket, 'data')) as [Buffer];
    t.equal(interim.toString(), 'HTTP/1.1 100 Continue\r\n\r\n', expectation);
    const answer = readAnswer(socket);
    socket.write('ok');
    t.match(await answer, { status: 201, body: 'done' }, expectation);
    socket.destroy();
  }
});

const waiting = new Map<string, fence.Transport>();
serve('/idle', (transport, _method, readHeader) => {
  waiting.set(readHeader('x-name'), transport);
  fence.onAborted(transport, () => undefined);
  fence.onBody(transport, (_, isLast) => {
    if (isLast) fence.sendResponse(transport, head('201 Created'), Buffer.from('done'), neverSent);
  });
});

t.test('an idle body is cut by the server, one that is paused or resumed now and then is not', async (t) => {
  const open = async (name: string) => {
    const socket = await openSocket(port);
    socket.write(requestHead('POST', '/idle', 'Content-Length: 2', `X-Name: ${name}`));
    await waitFor(`${name} to be served`, () => waiting.has(name));
    return socket;
  };
  const [idle, held, renewed] = [await open('idle'), await open('held'), await open('renewed')];
  const answers = [readAnswer(held, { timeoutMs: 60_000 }), readAnswer(renewed, { timeoutMs: 60_000 })];
  fence.pauseBody(waiting.get('held') as fence.Transport);
  const transport = waiting.get('renewed') as fence.Transport;
  const renew = setInterval(() => fence.renewBodyTimeout(transport), 500);
  await readToEnd(idle);
  clearInterval(renew);
  fence.resumeBody(waiting.get('held') as fence.Transport);
  held.write('ok');
  renewed.write('ok');
  for (const answer of await Promise.all(answers)) t.equal(answer.status, 201);
  held.destroy();
  renewed.destroy();
});
