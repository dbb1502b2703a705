import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Answer } from '../support/http.ts';
import type { Player } from '../support/player.ts';
import type { RawAnswer } from './raw-http.ts';
import { type Api, countStored, mp4, type Stored } from './support.ts';

export interface RawPart {
  /** Header lines as sent, without line ends. */
  lines: string[];
  content: string | Uint8Array;
}

interface RawForm {
  boundary?: string;
  preamble?: string;
  epilogue?: string;
  /** The text between the closing boundary and the epilogue. */
  lastLineEnd?: string;
}

export const boundary = 'X-BOUNDARY';

/** Builds a multipart body, byte for byte as given. */
export function rawForm(parts: readonly RawPart[], options: RawForm = {}): Buffer {
  const { preamble = '', epilogue = '', lastLineEnd = '\r\n' } = options;
  const delimiter = `--${options.boundary ?? boundary}`;
  const chunks = parts.flatMap(({ lines, content }) => [
    Buffer.from(`${delimiter}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`),
    Buffer.from(content as string),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([Buffer.from(preamble), ...chunks, Buffer.from(`${delimiter}--${lastLineEnd}${epilogue}`)]);
}

export function titlePart(content: string | Uint8Array = 'A clip', lines?: string[]): RawPart {
  return { lines: lines ?? ['Content-Disposition: form-data; name="title"'], content };
}

export function videoPart(
  content: Uint8Array | string = mp4(),
  type: string | null = 'video/mp4',
  filename = 'a.mp4',
): RawPart {
  const lines = [`Content-Disposition: form-data; name="video_file"; filename="${filename}"`];
  return { lines: type === null ? lines : [...lines, `Content-Type: ${type}`], content };
}

export function filePart(name: string, content: Uint8Array | string, type = 'text/plain'): RawPart {
  return {
    lines: [`Content-Disposition: form-data; name="${name}"; filename="x"`, `Content-Type: ${type}`],
    content,
  };
}

export function textPart(name: string, content: string): RawPart {
  return { lines: [`Content-Disposition: form-data; name="${name}"`], content };
}

export type Send = (
  body: Buffer | string,
  options?: { contentType?: string; headers?: Record<string, string>; token?: string },
) => Promise<Answer>;

/** Returns a function that uploads any body, form or not. */
export function uploader(api: Api, player: Player): Send {
  return (
    body,
    { contentType = `multipart/form-data; boundary=${boundary}`, headers = {}, token = player.token } = {},
  ) => api.call('POST', '/api/videos/upload', { body, token, headers: { 'content-type': contentType, ...headers } });
}

/** Sends something that must be refused, and checks that PostgreSQL and S3 keep nothing of it: no row, object or part. */
export async function leavesNothing(t: Test, api: Api, refuse: () => Promise<unknown>): Promise<void> {
  const before = await countStored(api.environment);
  await refuse();
  // After a client has left, the rollback may run for a moment longer.
  let after: Stored | undefined;
  await waitFor('everything to be undone', async () => {
    after = await countStored(api.environment);
    return isDeepStrictEqual(after, before);
  }).catch(() => undefined);
  t.strictSame(after, before, 'no row, no object, no open multipart upload, no intent');
}

/** Returns a function that builds the head of an upload request. `lines` hold the headers that frame the body. */
export function uploadHead(ownToken: string) {
  return (lines: string[], token = ownToken): string => {
    const type = `Content-Type: multipart/form-data; boundary=${boundary}`;
    const all = ['POST /api/videos/upload HTTP/1.1', 'Host: x', `Authorization: Bearer ${token}`, type, ...lines];
    return `${all.join('\r\n')}\r\n\r\n`;
  };
}

/** Expects a response of this status whose body is a sentence. */
export function expectSentence(t: Test, answer: RawAnswer, status: number): void {
  t.equal(answer.status, status, answer.body.slice(0, 200));
  t.strictSame(Object.keys(JSON.parse(answer.body)), ['detail']);
  t.match(answer.header('x-request-id'), /./);
}
