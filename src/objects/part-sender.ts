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
  /** From 1. */
  readonly partNumber: number;
}

export interface SentPart {
  readonly partNumber: number;
  readonly etag: string;
  /** Base64 of the four bytes, as S3 wants it. */
  readonly crc32: string;
}

export interface Part {
  /** Must stay untouched until the part is sent. */
  readonly pieces: readonly Buffer[];
  /** Of the bytes as they arrived, so that S3 refuses a part that anything has changed since. */
  readonly crc32: number;
}

export type SendPart = (place: PartPlace, part: Part, signal: AbortSignal) => Promise<SentPart>;

/**
 * UploadPart without the SDK, whose own path costs several times the CPU: the bytes go from the caller's memory to the
 * socket as they are, guarded by a CRC32 instead of a signed hash.
 * Rejects with the last failure when `s3PartAttempts` are used up, and at once on an answer that says not to try again.
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
        if (attempt >= s3PartAttempts || signal.aborted || !isWorthAnotherTry(error)) throw error;
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

/** One attempt. The deadline counts from here; whatever happens, the request is over when this settles. */
function put(open: () => ClientRequest, pieces: readonly Buffer[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = open();
    const late = (ms: number) => request.destroy(new ObjectStoreTimeoutError(`S3 did not take a part within ${ms} ms`));
    const deadline = setTimeout(late, s3CallDeadlineMs, s3CallDeadlineMs);
    request.setTimeout(s3SilenceMs, () => late(s3SilenceMs));
    const abort = () => request.destroy(new Error('The upload was given up'));
    signal.addEventListener('abort', abort, { once: true });
    request.on('close', () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      reject(new Error('S3 closed the connection without an answer'));
    });
    request.on('error', reject);
    request.on('response', (response) => readAnswer(response, resolve, reject));
    writeAll(request, pieces);
  });
}

/** In one system call as far as the socket takes it: Node.js copies nothing. */
function writeAll(request: ClientRequest, pieces: readonly Buffer[]): void {
  if (pieces.length > 1) request.cork();
  for (const piece of pieces.slice(0, -1)) request.write(piece);
  request.end(pieces.at(-1));
}

/** Settles in the very event that ends the answer: the request's own end follows at once, and would come first otherwise. */
function readAnswer(response: IncomingMessage, resolve: (etag: string) => void, reject: (error: Error) => void): void {
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

/** S3 answered, and not with 200. */
class PartUploadError extends Error {
  readonly status: number;

  constructor(status: number, code: string) {
    super(`S3 refused a part: ${status} ${code}`);
    this.name = 'PartUploadError';
    this.status = status;
  }
}

/** A broken connection is; so is an answer that blames the server or the rate, or a part that arrived damaged. */
function isWorthAnotherTry(error: unknown): boolean {
  if (!(error instanceof PartUploadError)) return true;
  return error.status >= 500 || error.status === 429 || error.status === 408 || error.message.includes('BadDigest');
}
