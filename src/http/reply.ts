import { type Exchange, signalOf, watchAbort } from './exchange.ts';
import { limitHeaders } from './throttled.ts';
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
  422: '422 Unprocessable Content',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};

/** Called once for each request when it is over, answered or not. */
export type OnOver = (exchange: Exchange) => void;

/**
 * Sends status, headers and body in one system call; the server itself holds back what is written inside of a route's handler.
 * A response that ends its connection waits for the next turn: sent while the bytes behind the request are still being read, it
 * would let the server go on to a request hidden there.
 */
export function sendReply(exchange: Exchange, reply: Reply, onOver: OnOver): void {
  if (exchange.isOver) {
    onOver(exchange);
    return;
  }
  const bytes = bytesOf(reply);
  const send = () => write(exchange, reply, bytes, onOver);
  if (exchange.closesConnection) {
    watchAbort(exchange);
    setImmediate(() => (exchange.isOver ? onOver(exchange) : cork(exchange, send)));
  } else if (exchange.isCorked) {
    send();
  } else {
    cork(exchange, send);
  }
}

function bytesOf({ bytes, body }: Reply): Buffer {
  if (bytes !== undefined) return typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return body === undefined ? noBytes : Buffer.from(JSON.stringify(body));
}

const noBytes = Buffer.alloc(0);

function write(exchange: Exchange, reply: Reply, bytes: Buffer, onOver: OnOver): void {
  const { length } = bytes;
  const head = describeHead(exchange, reply, length);
  exchange.status = reply.status;
  if (exchange.dropRest !== undefined) {
    exchange.bytesOut = sendEarlyResponse(exchange, head, bytes.toString());
    finishEarly(exchange, exchange.dropRest);
    onOver(exchange);
    return;
  }
  exchange.isOver = true;
  if (exchange.method === 'HEAD' || reply.status === 304) {
    sendWithoutBody(exchange, head, reply.status === 304 ? 0 : length);
    onOver(exchange);
    return;
  }
  exchange.bytesOut = length;
  const finish = () => onOver(exchange);
  if (sendResponse(exchange, head, bytes, finish)) {
    finish();
    return;
  }
  // The client has to read before the rest can be sent, or leaves.
  watchAbort(exchange);
  signalOf(exchange).addEventListener('abort', finish, { once: true });
}

function finishEarly(exchange: Exchange, dropRest: () => Promise<boolean>): void {
  dropRest().then((hasEnded) => {
    if (exchange.isOver) return;
    exchange.isOver = true;
    if (hasEnded && !exchange.closesConnection) endEarlyResponse(exchange);
    else closeConnection(exchange);
  });
}

function describeHead(exchange: Exchange, reply: Reply, length: number): ResponseHead {
  const { requestId, limitUses, closesConnection } = exchange;
  const status = reasons[reply.status] ?? String(reply.status);
  let fields = `X-Request-Id: ${requestId}`;
  if (reply.head !== undefined) fields += reply.head;
  else if (length > 0) fields += `\r\nContent-Type: ${reply.contentType ?? 'application/json'}`;
  for (const [name, value] of reply.headers ?? []) fields += `\r\n${name}: ${value}`;
  if (limitUses !== undefined) for (const [name, value] of limitHeaders(limitUses)) fields += `\r\n${name}: ${value}`;
  return { status, fields, closesConnection };
}
