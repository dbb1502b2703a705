import { type Exchange, watchAbort } from './exchange.ts';
import { limitHeaders } from './throttled.ts';

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

/**
 * The only place that writes to a response: status, headers and body in one cork, so in one system call; the server itself
 * holds one while it is inside a route's handler. An answer that ends its connection waits for the next turn: given while the
 * bytes behind the request are still being read, it would let the server go on to a request hidden there.
 */
export function sendReply(exchange: Exchange, reply: Reply): void {
  if (exchange.isOver) return;
  const bytes = reply.bytes ?? (reply.body === undefined ? '' : JSON.stringify(reply.body));
  const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
  exchange.status = reply.status;
  exchange.bytesOut = hasBody(exchange, reply) ? length : 0;
  if (exchange.closesConnection) {
    watchAbort(exchange);
    setImmediate(() => exchange.isOver || exchange.res.cork(() => write(exchange, reply, bytes, length)));
  } else if (exchange.isCorked) {
    write(exchange, reply, bytes, length);
  } else {
    exchange.res.cork(() => write(exchange, reply, bytes, length));
  }
}

function write(exchange: Exchange, reply: Reply, bytes: Buffer | string, length: number): void {
  if (exchange.dropRest !== undefined) {
    writeAhead(exchange, reply, bytes, length, exchange.dropRest);
    return;
  }
  exchange.isOver = true;
  writeHead(exchange, reply, length);
  if (hasBody(exchange, reply)) exchange.res.end(bytes, exchange.closesConnection);
  else endWithoutBody(exchange, reply.status === 304 ? 0 : length);
}

/**
 * The answer to a request whose body has not come yet. Told that an answer is complete, the server would end the connection
 * at once, and a client that is still sending would see that instead of its answer; or it would read on for as long as
 * there is anything to read. So it is given the whole answer and left to believe that a byte is missing, until the rest of
 * the body has come or was not waited for any longer.
 */
function writeAhead(
  exchange: Exchange,
  reply: Reply,
  bytes: Buffer | string,
  length: number,
  dropRest: () => Promise<boolean>,
): void {
  const { res, closesConnection } = exchange;
  writeHead(exchange, reply, length);
  if (closesConnection) res.writeHeader('Connection', 'close');
  res.tryEnd('', length);
  res.tryEnd(bytes, length + 1);
  dropRest().then((hasEnded) => {
    if (exchange.isOver) return;
    exchange.isOver = true;
    if (hasEnded && !closesConnection) res.cork(() => res.tryEnd('', length));
    else res.close();
  });
}

function hasBody({ method }: Exchange, { status }: Reply): boolean {
  return method !== 'HEAD' && status !== 304;
}

/** `Connection: close` and the status 200 are written by the server itself. */
function writeHead({ res, requestId, limitUses }: Exchange, reply: Reply, length: number): void {
  if (reply.status !== 200) res.writeStatus(reasons[reply.status] ?? String(reply.status));
  // Each write crosses into the server's own code, which costs more than the text: so what is always the same goes in one.
  res.writeHeader('X-Request-Id', reply.head === undefined ? requestId : requestId + reply.head);
  if (reply.head === undefined && length > 0) res.writeHeader('Content-Type', reply.contentType ?? 'application/json');
  for (const [name, value] of reply.headers ?? []) res.writeHeader(name, value);
  if (limitUses !== undefined) for (const [name, value] of limitHeaders(limitUses)) res.writeHeader(name, value);
}

/**
 * The length is a header of ours: told of it by argument, the server believes that a body is still to come, and cuts the
 * connection at the next request. Nor can it end the connection then, so an answer that must do so has no length to tell.
 */
function endWithoutBody({ res, closesConnection }: Exchange, length: number): void {
  if (closesConnection) {
    res.end('', true);
    return;
  }
  if (length > 0) res.writeHeader('Content-Length', String(length));
  res.endWithoutBody();
}
