import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SinkResponse {
  status?: number;
  json?: unknown;
  /** A body that is sent unchanged, instead of `json`. */
  text?: string;
  headers?: Record<string, string>;
  delayMs?: number;
  /** The answer is sent when this has resolved. */
  after?: Promise<unknown>;
}

/** A server that reads each body and sends what `respond` returns. `delayMs` may depend on the requests in flight. */
export async function openSink(
  t: { teardown(undo: () => unknown): void },
  respond: (request: IncomingMessage, inFlight: number) => SinkResponse = () => ({}),
) {
  const state = { requests: 0, bytes: 0, inFlight: 0, inFlightPeak: 0, at: [] as number[] };
  const server = createServer((request, response) => {
    state.requests += 1;
    state.inFlight += 1;
    state.inFlightPeak = Math.max(state.inFlightPeak, state.inFlight);
    state.at.push(performance.now());
    response.once('close', () => {
      state.inFlight -= 1;
    });
    request.on('data', (chunk: Buffer) => {
      state.bytes += chunk.length;
    });
    request.once('end', () => sendResponse(response, respond(request, state.inFlight)));
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
}

function sendResponse(
  response: ServerResponse,
  { status = 200, json = {}, text, headers = {}, delayMs = 0, after }: SinkResponse,
): void {
  const send = () =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text ?? JSON.stringify(json));
  if (after !== undefined) after.then(send);
  else if (delayMs > 0) setTimeout(send, delayMs);
  else send();
}
