import { request as httpRequest } from 'node:http';
import { Type } from '@sinclair/typebox';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { AppContext } from '../../src/http/app-context.ts';
import { openBodyStream } from '../../src/http/body.ts';
import type { Reply } from '../../src/http/reply.ts';
import { signalOf } from '../../src/http/request-context.ts';
import { defineRoute, defineStreamRoute, json, type Row, type StreamRequest, stream } from '../../src/http/route.ts';
import { openSocket, sendRaw } from '../acceptance/raw-http.ts';
import { request } from '../support/http.ts';
import { serveRows } from './in-process-server.ts';

const itemPath = '/items/{item_id}';
const params = Type.Object({ item_id: Type.Integer({ minimum: 1 }) });
const never = () => new Promise<never>(() => undefined);
let waiting: AbortSignal | undefined;
let pulled = 0;
let isSourceOver = false;

/** Yields without end, as fast as the client reads. */
async function* yieldWithoutEnd(signal: AbortSignal): AsyncGenerator<string> {
  try {
    while (!signal.aborted) {
      pulled += 1;
      yield `data: ${'x'.repeat(64 * 1024)}\n\n`;
    }
  } finally {
    isSourceOver = true;
  }
}

/** A table that has every kind of row, none of which the service's own has. */
const rows: readonly Row[] = [
  defineStreamRoute({
    method: 'PATCH',
    path: itemPath,
    auth: 'user',
    params,
    body: stream('application/offset+octet-stream', Type.String()),
    timeoutMs: null,
    handle: countBody,
  }),
  defineRoute({
    method: 'GET',
    path: itemPath,
    auth: 'none',
    handle: () => ({ status: 200, body: { is: 'an item' } }),
  }),
  defineRoute({
    method: 'HEAD',
    path: itemPath,
    auth: 'none',
    params,
    handle: () => withHeader(200, 'Upload-Offset', '5'),
  }),
  defineRoute({
    method: 'PUT',
    path: '/names',
    auth: 'user',
    body: json(Type.Object({ name: Type.String() })),
    handle: ({ body: { name } }) => ({ ...withHeader(201, 'Location', `/names/${name}`), body: { name } }),
  }),
  defineRoute({
    method: 'OPTIONS',
    path: '/names',
    auth: 'none',
    handle: () => withHeader(204, 'Tus-Version', '1.0.0'),
  }),
  defineRoute({
    method: 'POST',
    path: '/json',
    auth: 'none',
    body: json(Type.Object({})),
    handle: () => ({ status: 204 }),
  }),
  defineRoute({ method: 'GET', path: '/late', auth: 'none', timeoutMs: 1, handle: never }),
  defineRoute({
    method: 'GET',
    path: '/waits',
    auth: 'none',
    handle: ({ context }) => {
      waiting = signalOf(context);
      return never();
    },
  }),
  defineRoute({ method: 'GET', path: '/three-events', auth: 'user', handle: async () => sendEvents(threeEvents) }),
  defineRoute({ method: 'GET', path: '/events-without-end', auth: 'none', handle: () => sendEvents(yieldWithoutEnd) }),
];

/** Reads a streamed body to its end. */
async function countBody(
  { context, admit }: StreamRequest<{ item_id: number }>,
  { heldBytes }: AppContext,
): Promise<Reply> {
  const body = openBodyStream(context, heldBytes, () => undefined);
  const { userId, params } = await admit();
  let bytes = 0;
  await new Promise<void>((resolve) => {
    body.start((chunk, isLast) => {
      bytes += chunk.length;
      if (isLast) resolve();
    });
  });
  const item: [string, string] = ['X-Item', `${params.item_id} of ${userId}`];
  return { status: 204, headers: [['Upload-Offset', `${bytes}`], item] };
}

function withHeader(status: number, name: string, value: string): Reply {
  return { status, headers: [[name, value]] };
}

function sendEvents(events: NonNullable<Reply['events']>): Reply {
  return { status: 200, contentType: 'text/event-stream', headers: [['Cache-Control', 'no-store']], events };
}

async function* threeEvents(): AsyncGenerator<string> {
  for (const name of ['uno', 'dos', 'ñandú']) yield `data: ${name}\n\n`;
}

const server = await serveRows(t, rows);
const call = (method: string, path: string, options = {}) =>
  request(`${server.baseUrl}${path}`, { method, token: server.token, ...options });

t.test('a PATCH row with a streamed body: its path, its user, 204 and headers of its own', async (t) => {
  const { status, headers, text } = await call('PATCH', '/items/7', { body: 'x'.repeat(1_000_000) });
  t.equal(status, 204);
  t.match(headers, { 'upload-offset': '1000000', 'x-item': '7 of 1' });
  t.equal(text, '');
  t.equal(headers['content-length'] ?? '0', '0');
});

t.test('a streamed body is admitted by the row: 401 before 422', async (t) => {
  const errors = [
    await call('PATCH', '/items/x', { body: 'x', token: 'none' }),
    await call('PATCH', '/items/x', { body: 'x', token: server.strangerToken }),
    await call('PATCH', '/items/x', { body: 'x' }),
  ];
  t.strictSame(
    errors.map(({ status, text }) => [status, JSON.parse(text).code]),
    [
      [401, 'invalid_token'],
      [401, 'invalid_token'],
      [422, 'validation_failed'],
    ],
  );
});

t.test('a HEAD row replaces the HEAD that follows from GET', async (t) => {
  t.equal((await call('HEAD', '/items/7')).headers['upload-offset'], '5');
  t.equal((await call('HEAD', '/items/x')).status, 422);
  t.strictSame((await call('GET', '/items/7')).json(), { is: 'an item' });
});

t.test('PUT with a JSON body: the user, then the body, also when the user has to be looked up', async (t) => {
  const created = await call('PUT', '/names', { json: { name: 'a' } });
  t.match(created, { status: 201, headers: { location: '/names/a' } });
  t.equal((await call('PUT', '/names', { json: {} })).status, 422);
  t.equal((await call('PUT', '/names', { json: {}, token: 'none' })).status, 401);
  t.equal((await call('PUT', '/names', { json: {}, token: server.strangerToken })).status, 401);
});

t.test('an error of the headers waits for the body, so that the client reads it', async (t) => {
  const head = 'PUT /names HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';
  const answer = await sendRaw(server.port, head, { chunks: ['{', '}'] });
  t.match(answer, { status: 401, body: /invalid_token/ });
});

t.test('405 follows from the rows, and an OPTIONS row is served', async (t) => {
  const options = await call('OPTIONS', '/items/7');
  t.match(options, { status: 405, headers: { allow: 'GET, HEAD, PATCH' } });
  t.match((await call('OPTIONS', '/names')).headers, { 'tus-version': '1.0.0' });
  const refused = await call('DELETE', '/items/7');
  t.equal(refused.status, 405);
  t.equal(refused.headers['allow'], 'GET, HEAD, PATCH');
  t.strictSame(refused.json(), { detail: 'Method Not Allowed', code: 'method_not_allowed' });
  t.equal((await call('GET', '/names')).headers['allow'], 'PUT, OPTIONS');
});

t.test('a row of events is sent event by event, and the connection goes on', async (t) => {
  const { status, headers, text } = await call('GET', '/three-events');
  t.equal(status, 200);
  t.match(headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-request-id': /./ });
  t.equal(text, ':\n\ndata: uno\n\ndata: dos\n\ndata: ñandú\n\n');
  t.equal((await call('GET', '/three-events', { token: 'none' })).status, 401);
  const both = await sendRaw(
    server.port,
    `HEAD /three-events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\n\r\n`,
    { isHead: true },
  );
  t.equal(both.header('content-type'), 'text/event-stream', 'HEAD has the same headers');
});

t.test('events wait for the client to read, and end when it leaves', async (t) => {
  const socket = await openSocket(server.port);
  socket.pause();
  socket.write('GET /events-without-end HTTP/1.1\r\nHost: x\r\n\r\n');
  let last = -1;
  await waitFor(
    'no more events asked for',
    () => {
      const isStill = pulled > 0 && pulled === last;
      last = pulled;
      return isStill;
    },
    { everyMs: 200 },
  );
  t.ok(pulled < 1_000, `${pulled} events of 64 KiB for a client that reads none`);
  const before = pulled;
  socket.resume();
  await waitFor('more events for a client that reads', () => pulled > before + 10);
  socket.destroy();
  await waitFor('the end of the source', () => isSourceOver);
  await waitFor('the end of the request', () => server.inFlight() === 0);
  t.match(server.requests.at(-1), { route: '/events-without-end', status: 499 });
});

t.test('a client that leaves ends its request, whatever the handler waits for', async (t) => {
  const outgoing = httpRequest(`${server.baseUrl}/waits`);
  outgoing.on('error', () => undefined);
  outgoing.end();
  await waitFor('the handler', () => waiting !== undefined);
  t.equal(server.inFlight(), 1);
  outgoing.destroy();
  await waitFor('the end of the request', () => server.inFlight() === 0);
  t.ok(waiting?.aborted, 'the handler gets the signal');
  t.match(server.requests.at(-1), { route: '/waits', status: 499 });
});

t.test('so does one that leaves in the middle of a JSON body', async (t) => {
  const socket = await openSocket(server.port);
  socket.write('POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
  await waitFor('the request', () => server.inFlight() === 1);
  socket.destroy();
  await waitFor('the end of the request', () => server.inFlight() === 0);
  t.match(server.requests.at(-1), { route: '/json', status: 499 });
});

t.test("a row's time-out ends its request with 503", async (t) => {
  const { status, headers, text } = await call('GET', '/late');
  t.match({ status, headers }, { status: 503, headers: { 'retry-after': /^\d+$/ } });
  t.equal(JSON.parse(text).code, 'request_timeout');
});

t.test('no handler failed unexpectedly', async (t) => t.strictSame(server.errors, []));
