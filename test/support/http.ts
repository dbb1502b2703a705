import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RequestOptions {
  method?: string;
  headers?: Record<string, string | string[]>;
  /** A token for `Authorization: Bearer`. */
  token?: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent unchanged. A stream without a `content-length` header is sent chunked. */
  body?: string | Uint8Array | Readable;
  timeoutMs?: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  bytes: Buffer;
  /** Throws when the body is no JSON. */
  json<T = unknown>(): T;
}

/** Sends one request on a new connection, so that tests never share one. Resolves to the response, whatever its status. */
export function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url,
      {
        method: options.method ?? (options.json === undefined && options.body === undefined ? 'GET' : 'POST'),
        headers: headersFor(options),
        agent: false,
        signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.once('error', reject);
        incoming.once('end', () => resolve(answer(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(chunks))));
      },
    );
    outgoing.once('error', reject);
    send(outgoing, options).catch(() => undefined);
  });
}

/** A failed write shows as the request's own error, or as a response that came before the whole body was sent. */
async function send(outgoing: ReturnType<typeof httpRequest>, { json, body }: RequestOptions): Promise<void> {
  if (body instanceof Readable) await pipeline(body, outgoing);
  else outgoing.end(json === undefined ? body : JSON.stringify(json));
}

function headersFor({ headers, token, json, body }: RequestOptions): Record<string, string | string[]> {
  const length =
    json !== undefined
      ? Buffer.byteLength(JSON.stringify(json))
      : typeof body === 'string' || body instanceof Uint8Array
        ? Buffer.byteLength(body)
        : undefined;
  return {
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...headers,
  };
}

function answer(status: number, headers: IncomingHttpHeaders, bytes: Buffer): Answer {
  const text = bytes.toString('utf8');
  return { status, headers, text, bytes, json: <T>() => JSON.parse(text) as T };
}
