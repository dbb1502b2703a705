import { STATUS_CODES } from 'node:http';
import { keepAliveSeconds } from '../limits.ts';
import { limitHeaders } from './rate-limit.ts';
import { type RequestContext, watchAbort } from './request-context.ts';
import { sendEvents } from './send-events.ts';
import {
  closeConnection,
  cork,
  endEarlyResponse,
  type ResponseHead,
  sendEarlyResponse,
  sendResponse,
  sendWithoutBody,
} from './uws.ts';

/** Describes a response: its status and headers, and a body of one kind or none. */
export interface Reply {
  readonly status: number;
  /** A value, sent as JSON. */
  readonly body?: unknown;
  /** Bytes that are sent as they are. */
  readonly bytes?: Buffer | string;
  /**
   * A stream of events: each text that the source yields is written as soon as the client has read the ones before. The source
   * must end when the signal aborts.
   */
  readonly events?: (signal: AbortSignal) => AsyncIterable<string>;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** Replaces `contentType` and `headers`: the header lines as they are sent, each after a line break. */
  readonly head?: string;
}

const statusLines = new Map(Object.entries(STATUS_CODES).map(([code, text]) => [Number(code), `${code} ${text}`]));
statusLines.set(422, '422 Unprocessable Content');

const keepAliveField = `\r\nKeep-Alive: timeout=${keepAliveSeconds}`;

/** Called once for each request when it is over, whether or not it got a response. */
export type OnOver = (context: RequestContext) => void;

/**
 * Sends status, headers and body in one system call. The server itself buffers what is written inside of a route's handler. A
 * response that closes its connection is sent in the next turn of the event loop: while the server still parses the bytes after the
 * request, it would continue with a request smuggled there.
 */
export function sendReply(context: RequestContext, reply: Reply, onOver: OnOver): void {
  if (context.isOver) {
    onOver(context);
    return;
  }
  const bytes = bytesOf(reply);
  const send = () => write(context, reply, bytes, onOver);
  if (context.closesConnection) {
    watchAbort(context);
    setImmediate(() => (context.isOver ? onOver(context) : cork(context, send)));
  } else if (context.isCorked) {
    send();
  } else {
    cork(context, send);
  }
}

function bytesOf({ bytes, body }: Reply): Buffer {
  if (bytes !== undefined) return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return body === undefined ? noBytes : Buffer.from(JSON.stringify(body));
}

const noBytes = Buffer.alloc(0);

function write(context: RequestContext, reply: Reply, bytes: Buffer, onOver: OnOver): void {
  const { length } = bytes;
  const head = describeHead(context, reply, length);
  context.status = reply.status;
  const finish = () => onOver(context);
  if (context.drainRequestBody !== undefined) {
    context.bytesOut = sendEarlyResponse(context, head, bytes.toString());
    closeAfterEarlyResponse(context, context.drainRequestBody);
    finish();
    return;
  }
  if (reply.events !== undefined && context.method !== 'HEAD') {
    sendEvents(context, head, reply.events, finish);
    return;
  }
  context.isOver = true;
  if (context.method === 'HEAD' || reply.status === 304 || reply.status === 204) {
    sendWithoutBody(context, head, reply.status === 304 ? 0 : length);
    finish();
    return;
  }
  context.bytesOut = length;
  if (sendResponse(context, head, bytes, finish)) {
    finish();
    return;
  }
  // The rest is sent when the client reads. The client may also leave.
  context.onLeave = finish;
  watchAbort(context);
}

function closeAfterEarlyResponse(context: RequestContext, drainRequestBody: () => Promise<boolean>): void {
  drainRequestBody().then((hasEnded) => {
    if (context.isOver) return;
    context.isOver = true;
    if (hasEnded && !context.closesConnection) endEarlyResponse(context);
    else closeConnection(context);
  });
}

function describeHead(context: RequestContext, reply: Reply, length: number): ResponseHead {
  const { requestId, limitUses, closesConnection, corsFields } = context;
  const status = statusLines.get(reply.status) ?? String(reply.status);
  let fields = `X-Request-Id: ${requestId}`;
  if (reply.head !== undefined) fields += reply.head;
  else if (length > 0 || reply.contentType !== undefined)
    fields += `\r\nContent-Type: ${reply.contentType ?? 'application/json'}`;
  for (const [name, value] of reply.headers ?? []) fields += `\r\n${name}: ${value}`;
  if (limitUses !== undefined) for (const [name, value] of limitHeaders(limitUses)) fields += `\r\n${name}: ${value}`;
  if (!closesConnection) fields += keepAliveField;
  return { status, fields: fields + corsFields, closesConnection };
}
