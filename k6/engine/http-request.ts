import { Agent, type Dispatcher } from 'undici';
import { now } from './runtime.ts';

/** The outcome of a request: the response, or status 0 and an error. */
export interface HttpResult {
  status: number;
  headers: Record<string, string>;
  chunks: Buffer[];
  bytesReceived: number;
  error: string;
  /** When the request was queued, sent on a connection, got its response's headers, and ended. */
  at: { queued: number; sent: number; responded: number; ended: number };
}

export interface HttpRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: string | AsyncIterable<Uint8Array> | null;
  timeoutMs: number;
  keepsBody: boolean;
  signal: AbortSignal;
}

/** Opens a connection per concurrent request and keeps it alive. Neither retries nor follows redirects. */
export function openAgent(): Agent {
  return new Agent({
    pipelining: 1,
    keepAliveTimeout: 60_000,
    bodyTimeout: 0,
    headersTimeout: 0,
    connectTimeout: 60_000,
  });
}

/** Sends a request. Never rejects: a failure has status 0 and an error, as in k6. */
export function sendRequest(agent: Agent, request: HttpRequest): Promise<HttpResult> {
  const queued = now();
  const result: HttpResult = {
    status: 0,
    headers: {},
    chunks: [],
    bytesReceived: 0,
    error: '',
    at: { queued, sent: 0, responded: 0, ended: 0 },
  };
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let isOver = false;
    const timer = setTimeout(() => cancel('request timeout'), request.timeoutMs);
    const onAbort = () => cancel('interrupted');
    request.signal.addEventListener('abort', onAbort);
    const finish = (error: string) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      request.signal.removeEventListener('abort', onAbort);
      result.at.ended = now();
      result.at.sent ||= result.at.ended;
      result.at.responded ||= result.at.ended;
      if (error !== '') Object.assign(result, { error, status: 0 });
      resolve(result);
    };
    const cancel = (reason: string) => {
      finish(reason);
      controller?.abort(new Error(reason));
    };
    if (request.signal.aborted) return cancel('interrupted');
    agent.dispatch(
      {
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body as Dispatcher.DispatchOptions['body'],
      },
      {
        onRequestStart(started) {
          controller = started;
          if (isOver) started.abort(new Error('over'));
          result.at.sent = now();
        },
        onResponseStart(_controller, statusCode, headers) {
          result.at.responded = now();
          result.status = statusCode;
          for (const [name, value] of Object.entries(headers)) result.headers[name] = String(value);
        },
        onResponseData(_controller, chunk) {
          result.bytesReceived += chunk.length;
          if (request.keepsBody) result.chunks.push(chunk);
        },
        onResponseEnd: () => finish(''),
        onResponseError: (_controller, error) => finish(describe(error)),
      },
    );
  });
}

function describe(error: Error): string {
  const code = 'code' in error ? String(error.code) : error.name;
  return `${code}: ${error.message}`;
}
