import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { s3CallDeadlineMs, s3ErrorBodyMaxBytes, s3PartAttempts, s3RetryBaseMs, s3SilenceMs } from '../limits.ts';
import { formatCrc32 } from './checksum.ts';
import type { S3Connection } from './client.ts';
import { ObjectStoreTimeoutError } from './deadline.ts';
import { escapeQueryValue, openPutSigner, type UnsignedPut } from './part-signer.ts';
import { type Address, addressOf, hostOf } from './signer.ts';

export interface PartPlace {
  readonly key: string;
  readonly uploadId: string;
  /** Counted from 1. */
  readonly partNumber: number;
}

export interface SentPart {
  readonly partNumber: number;
  readonly etag: string;
  /** Base64 of the four bytes, as S3 expects it. */
  readonly crc32: string;
}

export interface Part {
  /** Must not change until the part is sent. */
  readonly pieces: readonly Buffer[];
  /** The checksum of the bytes as they arrived, so that S3 refuses a part that was corrupted since. */
  readonly crc32: number;
}

export type SendPart = (place: PartPlace, part: Part, signal: AbortSignal) => Promise<SentPart>;

/**
 * Returns a function that sends UploadPart without the SDK, which costs several times the CPU. The bytes go from the caller's memory
 * to the socket uncopied, and a CRC32 protects them instead of a signed hash. The function rejects with the last error after
 * `s3PartAttempts` attempts, and at once on a response that a retry cannot change.
 */
export function openPartSender(connection: S3Connection): SendPart {
  const address = addressOf(connection);
  const sign = openPutSigner(connection);
  const open = address.protocol === 'http:' ? httpRequest : httpsRequest;

  return async (place, part, signal) => {
    const checksum = formatCrc32(part.crc32);
    const length = part.pieces.reduce((sum, piece) => sum + piece.length, 0);
    const unsigned = describePut(address, connection, place, length, checksum);
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        const headers = await sign(unsigned);
        const request = () =>
          open({
            agent: connection.agent,
            method: 'PUT',
            hostname: address.hostname,
            port: address.port,
            path: `${unsigned.path}?${unsigned.query}`,
            headers,
          });
        const etag = await put(request, part.pieces, signal);
        return { partNumber: place.partNumber, etag, crc32: checksum };
      } catch (error) {
        if (attempt >= s3PartAttempts || signal.aborted || !isRetryable(error)) throw error;
        await sleep(s3RetryBaseMs * 2 ** (attempt - 1) * (0.5 + Math.random()), undefined, { signal });
      }
    }
  };
}

function describePut(
  address: Address,
  { config }: S3Connection,
  { key, uploadId, partNumber }: PartPlace,
  length: number,
  checksum: string,
): UnsignedPut {
  return {
    path: `${address.basePath}/${key}`,
    query: `partNumber=${partNumber}&uploadId=${escapeQueryValue(uploadId)}`,
    headers: {
      host: hostOf(address),
      'content-length': String(length),
      'x-amz-checksum-crc32': checksum,
      ...(config.accountId === undefined ? {} : { 'x-amz-expected-bucket-owner': config.accountId }),
    },
  };
}

/** Makes one attempt, with its own deadline. The request is over when the promise settles. */
function put(open: () => ClientRequest, pieces: readonly Buffer[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = open();
    const late = (ms: number) =>
      request.destroy(new ObjectStoreTimeoutError(`S3 did not store a part within ${ms} ms`));
    const deadline = setTimeout(late, s3CallDeadlineMs, s3CallDeadlineMs);
    request.setTimeout(s3SilenceMs, () => late(s3SilenceMs));
    const abort = () => request.destroy(new Error('The upload was aborted'));
    signal.addEventListener('abort', abort, { once: true });
    request.on('close', () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      reject(new Error('S3 closed the connection without a response'));
    });
    request.on('error', reject);
    request.on('response', (response) => readResponse(response, resolve, reject));
    writeAll(request, pieces);
  });
}

/** Writes all pieces in one system call, as far as the socket accepts them. Node.js copies nothing. */
function writeAll(request: ClientRequest, pieces: readonly Buffer[]): void {
  if (pieces.length > 1) request.cork();
  for (const piece of pieces.slice(0, -1)) request.write(piece);
  request.end(pieces.at(-1));
}

/** Settles in the event that ends the response, because the request's `close` follows at once and rejects. */
function readResponse(
  response: IncomingMessage,
  resolve: (etag: string) => void,
  reject: (error: Error) => void,
): void {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    if (text.length < s3ErrorBodyMaxBytes) text += chunk;
  });
  response.on('end', () => {
    const { etag } = response.headers;
    if (response.statusCode === 200 && etag !== undefined) resolve(etag);
    else reject(new PartUploadError(response.statusCode ?? 0, /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? 'no code'));
  });
}

/** S3 responded with another status than 200. */
class PartUploadError extends Error {
  readonly status: number;

  constructor(status: number, code: string) {
    super(`S3 refused a part: ${status} ${code}`);
    this.name = 'PartUploadError';
    this.status = status;
  }
}

/** Returns true for a broken connection, an error of the server, a rate limit and a part that arrived corrupted. */
function isRetryable(error: unknown): boolean {
  if (!(error instanceof PartUploadError)) return true;
  return error.status >= 500 || error.status === 429 || error.status === 408 || error.message.includes('BadDigest');
}
