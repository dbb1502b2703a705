import type { Exchange } from './exchange.ts';

export interface Reply {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: Buffer | string;
  readonly contentType?: string;
  readonly headers?: readonly (readonly [string, string])[];
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

/** The only place that writes to a response: status, headers and body in one cork, so in one system call. */
export function sendReply(exchange: Exchange, reply: Reply): void {
  if (exchange.isOver) return;
  const { res } = exchange;
  const bytes = reply.bytes ?? (reply.body === undefined ? '' : JSON.stringify(reply.body));
  const length = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
  exchange.isOver = true;
  exchange.status = reply.status;
  res.cork(() => {
    res.writeStatus(reasons[reply.status] ?? String(reply.status));
    res.writeHeader('X-Request-Id', exchange.requestId);
    if (length > 0) res.writeHeader('Content-Type', reply.contentType ?? 'application/json');
    for (const [name, value] of reply.headers ?? []) res.writeHeader(name, value);
    if (exchange.closesConnection) res.writeHeader('Connection', 'close');
    if (exchange.method === 'HEAD' || reply.status === 304) {
      endWithoutBody(exchange, reply.status === 304 ? 0 : length);
    } else {
      exchange.bytesOut = length;
      res.end(bytes, exchange.closesConnection);
    }
  });
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
