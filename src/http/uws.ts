import './uws-environment.ts';
import uws, { type HttpRequest, type HttpResponse, type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';
import assert from 'node:assert/strict';
import { closingResponseMaxBytes } from '../limits.ts';
import { listenWithBoundedBuffers } from './socket-buffers.ts';

/**
 * The only module that calls uWebSockets.js. It documents what the builds do differently, and works around it.
 * `test/http/uws.test.ts` checks each behavior on every supported build.
 *
 *   text                Newer builds count a text outside of ASCII wrongly in `tryEnd`: bodies are passed as bytes.
 *   end of a response   `tryEnd` without data ends the response on newer builds and does not on older ones. Nothing may touch a
 *                       response that has ended: every further call throws.
 *   early response      A response that ends while the body is still arriving ends the connection too, and the client reads a
 *                       reset instead of the response. `sendEarlyResponse` keeps it open.
 *   unread response     `end` buffers what the client does not read, without bound, and continues with the next pipelined request.
 *                       `sendResponse` writes what the socket accepts, and the rest when the client has read that.
 *   pause               Chunks may arrive after `pause`: callers keep them. Bounded socket buffers keep them rare (socket-buffers.ts).
 *                       A paused socket has no idle time-out, and does not notice a FIN. `resume` starts a new time-out of 10 s.
 *   100 Continue        The server responds to exactly one spelling of the expectation. `sendContinue` responds to the others.
 *   HEAD                No route of GET serves HEAD. A length given by argument to `endWithoutBody` makes older builds wait for a body.
 *   head of a request   Limited to 4 KiB unless the environment says otherwise when the server is loaded (uws-environment.ts).
 *   cork                Each write outside of a handler and outside of a cork is a system call of its own.
 *   exceptions          An exception that leaves a callback leaves its request open, or ends the process. `guard` ends the request.
 */
export interface Transport {
  readonly res: ResponseHandle;
  /** Called with the error that a callback threw, after its connection was closed. */
  readonly onError: (error: unknown) => void;
  /** True when an interim response was sent: the server then no longer writes the status line of the response. */
  hasInterim: boolean;
}

/** A response of uWebSockets.js, which only this module calls. */
export type ResponseHandle = object;

export interface ResponseHead {
  /** Code and reason. */
  readonly status: string;
  /** Header fields, `Name: value`, separated by CRLF; at least one. `Content-Length` and `Date` are added. */
  readonly fields: string;
  /** Whether the connection is closed after the response, which announces it. */
  readonly closesConnection: boolean;
}

/** The methods that a route may have, and the server's function for each. */
const functionNames = {
  GET: 'get',
  HEAD: 'head',
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'del',
  OPTIONS: 'options',
} as const;
export type Method = keyof typeof functionNames;
export const methods = Object.keys(functionNames) as Method[];

export type Serve = (res: ResponseHandle, req: HttpRequest, method: string) => void;
export type { HttpRequest };

const handleOf = ({ res }: Transport) => res as HttpResponse;

/** Writes the whole response in one system call if the socket accepts it. Returns false if the client must read first. */
export function sendResponse(transport: Transport, head: ResponseHead, body: Buffer, onSent: () => void): boolean {
  const res = handleOf(transport);
  writeHead(transport, head);
  if (head.closesConnection && body.length <= closingResponseMaxBytes) {
    res.end(body, true);
    return true;
  }
  if (head.closesConnection) res.writeHeader('Connection', 'close');
  if (tryToEnd(res, head, body, body.length)) return true;
  res.onWritable((offset) => {
    const isSent = guard(transport, () => tryToEnd(res, head, body.subarray(offset), body.length));
    if (isSent) onSent();
    // After an exception the connection is closed, and its end is reported by `onAborted` alone.
    return isSent ?? true;
  });
  return false;
}

/** Leaves the socket unread until the idle time-out, because the server cannot close after a response sent in pieces. */
function tryToEnd(res: HttpResponse, { closesConnection }: ResponseHead, rest: Buffer, totalBytes: number): boolean {
  if (closesConnection) res.pause();
  return res.tryEnd(rest, totalBytes)[1];
}

/** Sends a response to HEAD, or one with a status without a body. `length` is that of the response to GET, 0 for none. */
export function sendWithoutBody(transport: Transport, head: ResponseHead, length: number): void {
  const res = handleOf(transport);
  writeHead(transport, head);
  if (head.closesConnection) {
    // Sends no length: the only call that closes the connection writes a length of 0.
    res.end('', true);
    return;
  }
  if (length > 0) res.writeHeader('Content-Length', String(length));
  res.endWithoutBody();
}

/**
 * Sends a whole response while the request's body is still arriving, and leaves the request open. The server counts only the first
 * byte as sent: the rest is written as a header line, `"name"`, `: ` and a line break, all of which is valid JSON. Must be followed
 * by `endEarlyResponse` when the body has ended, or by `closeConnection`.
 *
 * @param json An object whose first name has no colon. A space and a line break are added, which the returned length includes.
 */
export function sendEarlyResponse(transport: Transport, head: ResponseHead, json: string): number {
  const res = handleOf(transport);
  const colon = json.indexOf(':');
  assert(/^\{"[^":]*":/.test(json), 'an early response is a JSON object');
  const bytes = Buffer.byteLength(json) + ' \r\n'.length;
  writeHead(transport, head);
  if (head.closesConnection) res.writeHeader('Connection', 'close');
  res.tryEnd('{', bytes);
  res.writeHeader(json.slice(1, colon), Buffer.from(json.slice(colon + 1)));
  return bytes;
}

/** Ends an early response at the byte that the server counted, so that the connection serves its next request. */
export function endEarlyResponse(transport: Transport): void {
  const res = handleOf(transport);
  res.cork(() => res.tryEnd('', 1));
}

/** Closes the connection at once. A client that has not read everything, or is still sending, may get a reset. */
export function closeConnection(transport: Transport): void {
  handleOf(transport).close();
}

/**
 * Starts a response whose body follows in pieces. The head is sent with the first piece. `onWritable` is called each time
 * the client has read what was written.
 */
export function startStream(transport: Transport, head: ResponseHead, onWritable: () => void): void {
  const res = handleOf(transport);
  writeHead(transport, head);
  if (head.closesConnection) res.writeHeader('Connection', 'close');
  res.onWritable(() => {
    guard(transport, onWritable);
    return true;
  });
}

/** Writes a piece. Returns false if the client must read first. Pieces that are written nevertheless are kept in memory. */
export function writeToStream(transport: Transport, bytes: Buffer): boolean {
  return handleOf(transport).write(bytes);
}

export function endStream(transport: Transport, { closesConnection }: ResponseHead): void {
  handleOf(transport).end('', closesConnection);
}

export function sendContinue(transport: Transport): void {
  handleOf(transport).writeStatus('100 Continue\r\n');
  transport.hasInterim = true;
}

/** Writes all header fields in one call, because a call into native code costs more than the text. */
function writeHead(transport: Transport, { status, fields }: ResponseHead): void {
  const res = handleOf(transport);
  const colon = fields.indexOf(': ');
  const [name, rest] = [fields.slice(0, colon), fields.slice(colon + 2)];
  if (transport.hasInterim) {
    res.writeHeader(`HTTP/1.1 ${status}\r\n${name}`, rest);
    return;
  }
  // The status 200 is written by the server itself.
  if (status !== '200 OK') res.writeStatus(status);
  res.writeHeader(name, rest);
}

/** Sends all writes of `write` in one system call, outside of a handler. */
export function cork(transport: Transport, write: () => void): void {
  handleOf(transport).cork(() => guard(transport, write));
}

/** Must be called before a handler returns without having sent a whole response. */
export function onAborted(transport: Transport, handle: () => void): void {
  handleOf(transport).onAborted(() => guard(transport, handle));
}

/** Must be called before the handler returns. A chunk is only valid during the call; chunks may also arrive after `pauseBody`. */
export function onBody(transport: Transport, handle: (chunk: Buffer, isLast: boolean) => void): void {
  handleOf(transport).onData((data, isLast) => guard(transport, () => handle(Buffer.from(data), isLast)));
}

export function pauseBody(transport: Transport): void {
  handleOf(transport).pause();
}

export function resumeBody(transport: Transport): void {
  handleOf(transport).resume();
}

/** Renews the time-out of 8 to 12 s after which the server closes a connection whose body is idle or slower than 16 KiB/s. */
export function renewBodyTimeout(transport: Transport): void {
  handleOf(transport).pause();
  handleOf(transport).resume();
}

/** Returns the peer's address as text. Must be called inside of the handler. */
export function readRemoteAddress(transport: Transport): string {
  return Buffer.from(handleOf(transport).getRemoteAddressAsText()).toString();
}

function guard<T>(transport: Transport, callback: () => T): T | undefined {
  try {
    return callback();
  } catch (error) {
    closeAfterError(transport, error);
    return undefined;
  }
}

function closeAfterError(transport: Transport, error: unknown): void {
  try {
    handleOf(transport).close();
  } catch {
    // The response had ended.
  }
  transport.onError(error);
}

export function openApp(onConnections: (change: number) => void, onError: (error: unknown) => void) {
  (uws as unknown as { _cfg: (option: 'silent') => void })._cfg('silent');
  const app = uws.App();
  let listening: us_listen_socket | false = false;
  app.filter(((_: unknown, change: unknown) => onConnections(Number(change))) as Parameters<TemplatedApp['filter']>[0]);

  /** Serves a pattern: each method by its own function or, where it has none, by `others`. */
  function route(pattern: string, serves: ReadonlyMap<Method, Serve>, others: Serve): void {
    const call = (serve: Serve, res: HttpResponse, req: HttpRequest, method: string): void => {
      try {
        serve(res, req, method);
      } catch (error) {
        closeAfterError({ res, onError, hasInterim: false }, error);
      }
    };
    // Each method is registered, also to refuse it, because `any` matches after the parameters of other paths.
    for (const method of methods) {
      const serve = serves.get(method) ?? others;
      app[functionNames[method]](pattern, (res, req) => call(serve, res, req, method));
    }
    // `getMethod` turns what `getCaseSensitiveMethod` reads into lower case: only one of the two can be relied on.
    app.any(pattern, (res, req) => call(others, res, req, req.getMethod().toUpperCase()));
  }

  return {
    route,
    /** Returns whether socket buffers are bounded. Several processes may share the port. Throws when it is not available. */
    listen(port: number, host?: string): boolean {
      const areBounded = listenWithBoundedBuffers(() => {
        const onListening = (socket: us_listen_socket | false) => {
          listening = socket;
        };
        if (host === undefined) app.listen(port, onListening);
        else app.listen(host, port, onListening);
      });
      if (!listening)
        throw new Error(`Expected port ${port} of ${host ?? 'this machine'} to be free: set HOST or PORT otherwise`);
      return areBounded;
    },
    stopListening(): void {
      if (listening) uws.us_listen_socket_close(listening);
      listening = false;
    },
  };
}
