import { connect, type Socket } from 'node:net';
import { percentile } from '../../scripts/lib/statistics.ts';

export interface HttpLoad {
  port: number;
  /** Each connection has one request in flight at any time. */
  connections: number;
  /** Returns the bytes of the next request, or undefined when there are no more. */
  next: () => string | Buffer | undefined;
  /** No request starts after this time. Without it, `next` ends the load. */
  durationMs?: number;
  /** Pause of a connection between a response and its next request. */
  restMs?: number;
  /** Called for each response. */
  onResponse?: (status: string, ms: number) => void;
}

export interface HttpLoadResult {
  responses: number;
  byStatus: Readonly<Record<string, number>>;
  seconds: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  p99MsByStatus: Readonly<Record<string, number>>;
}

/**
 * A closed-loop client over plain sockets. It uses so little CPU that a Node.js server on the same machine is the limit.
 * It reads only responses with a Content-Length, and rejects when the server closes a connection.
 */
export async function runHttpLoad(load: HttpLoad): Promise<HttpLoadResult> {
  const byStatus: Record<string, number[]> = {};
  const startedAt = performance.now();
  const endsAt = load.durationMs === undefined ? Number.POSITIVE_INFINITY : startedAt + load.durationMs;
  const next = () => (performance.now() < endsAt ? load.next() : undefined);
  await Promise.all(
    Array.from({ length: load.connections }, () =>
      runConnection({ ...load, next }, (status, ms) => {
        byStatus[status] ??= [];
        byStatus[status].push(ms);
        load.onResponse?.(status, ms);
      }),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const latencies = Object.values(byStatus).flat();
  const each = <T>(read: (ms: number[]) => T) =>
    Object.fromEntries(Object.entries(byStatus).map(([status, ms]) => [status, read(ms)]));
  return {
    responses: latencies.length,
    byStatus: each((ms) => ms.length),
    seconds,
    requestsPerSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p99MsByStatus: each((ms) => percentile(ms, 0.99)),
  };
}

/** Formats a request for a connection that stays open, with `json` as its body if given. */
export function formatRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  json?: unknown,
): string {
  const body = json === undefined ? '' : JSON.stringify(json);
  const all: Record<string, string> = { Host: '127.0.0.1', ...headers };
  if (json !== undefined) all['Content-Type'] = 'application/json';
  if (method !== 'GET') all['Content-Length'] = String(Buffer.byteLength(body));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

function runConnection(
  { port, next, restMs }: HttpLoad,
  onResponse: (status: string, ms: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1');
    const readResponse = createResponseReader();
    let sentAt = 0;
    let isDone = false;
    const sendNext = () => {
      const request = next();
      if (request === undefined) {
        isDone = true;
        socket.destroy();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(request);
    };
    socket.setNoDelay(true);
    socket.once('connect', sendNext);
    socket.on('data', (chunk: Buffer) => {
      const status = readResponse(chunk);
      if (status === undefined) return;
      onResponse(status, performance.now() - sentAt);
      if (restMs === undefined) sendNext();
      else setTimeout(sendNext, restMs);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (!isDone) reject(new Error('Expected the connection to stay open, got its end'));
    });
  });
}

/** Returns a function that takes chunks and returns the status when the response is complete. */
function createResponseReader(): (chunk: Buffer) => string | undefined {
  let status: string | undefined;
  let head = '';
  let missing = 0;
  return (chunk) => {
    if (status === undefined) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      status = head.slice(9, 12);
      missing = readContentLength(head.slice(0, end)) - (head.length - end - 4);
    } else {
      missing -= chunk.length;
    }
    if (missing > 0) return undefined;
    const complete = status;
    status = undefined;
    head = '';
    return complete;
  };
}

function readContentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}
