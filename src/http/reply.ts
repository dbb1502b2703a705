import { limitHeaders } from './rate-limit.ts';
import { type RequestContext, signalOf, watchAbort } from './request-context.ts';
import {
  closeConnection,
  cork,
  endEarlyResponse,
  type ResponseHead,
  sendEarlyResponse,
  sendResponse,
  sendWithoutBody,
} from './uws.ts';

export interface Reply {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: Buffer | string;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** Instead of `contentType` and `headers`: their lines as they go over the wire, each behind a line end. */
  readonly head?: string;
}

const reasons: Record<number, string> = {
  200: '200 OK',
  201: '201 Created',
  304: '304 Not Modified',
  307: '307 Temporary Redirect',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  408: '408 Request Timeout',
  422: '422 Unprocessable Content',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

/** Called once for each request when it is over, answered or not. */
export type OnOver = (context: RequestContext) => void;

/**
 * Sends status, headers and body in one system call; the server itself holds back what is written inside of a route's handler.
 * A response that ends its connection waits for the next turn: sent while the bytes behind the request are still being read, it
 * would let the server go on to a request hidden there.
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
  if (context.drainRequestBody !== undefined) {
    context.bytesOut = sendEarlyResponse(context, head, bytes.toString());
    closeAfterEarlyResponse(context, context.drainRequestBody);
    onOver(context);
    return;
  }
  context.isOver = true;
  if (context.method === 'HEAD' || reply.status === 304) {
    sendWithoutBody(context, head, reply.status === 304 ? 0 : length);
    onOver(context);
    return;
  }
  context.bytesOut = length;
  const finish = () => onOver(context);
  if (sendResponse(context, head, bytes, finish)) {
    finish();
    return;
  }
  // The client has to read before the rest can be sent, or leaves.
  watchAbort(context);
  signalOf(context).addEventListener('abort', finish, { once: true });
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
  const { requestId, limitUses, closesConnection } = context;
  const status = reasons[reply.status] ?? String(reply.status);
  let fields = `X-Request-Id: ${requestId}`;
  if (reply.head !== undefined) fields += reply.head;
  else if (length > 0) fields += `\r\nContent-Type: ${reply.contentType ?? 'application/json'}`;
  for (const [name, value] of reply.headers ?? []) fields += `\r\n${name}: ${value}`;
  if (limitUses !== undefined) for (const [name, value] of limitHeaders(limitUses)) fields += `\r\n${name}: ${value}`;
  return { status, fields, closesConnection };
}
