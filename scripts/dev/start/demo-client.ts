import { createReadStream, statSync } from 'node:fs';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface Question {
  method?: string;
  token?: string;
  json?: unknown;
}

const timeoutMs = 30_000;

/** A JSON answer; rejects with the service's own words on any status but a success. */
export async function askJson<T>(url: string, { method = 'GET', token, json }: Question = {}): Promise<T> {
  const body = json === undefined ? '' : JSON.stringify(json);
  const headers = {
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const [outgoing, answered] = open(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) });
  outgoing.end(body);
  return readJson<T>(await answered, `${method} ${new URL(url).pathname}`);
}

/** Streams a file as multipart/form-data of known length, and tells how many percent of it are sent. */
export async function uploadVideo(
  url: string,
  token: string,
  { path, title }: { path: string; title: string },
  onPercent: (percent: number) => void,
): Promise<{ task_id: string; video_id: number }> {
  const boundary = 'demonstration-of-an-upload';
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\n${title}\r\n` +
      `--${boundary}\r\nContent-Disposition: form-data; name="video_file"; filename="clip.mp4"\r\nContent-Type: video/mp4\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const fileBytes = statSync(path).size;
  const [outgoing, answered] = open(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + fileBytes + tail.length),
    },
  });
  outgoing.write(head);
  const sent = pipeline(createReadStream(path), countBytes(fileBytes, onPercent), outgoing, { end: false });
  // An answer before the end is a refusal: then the pipe breaks, and the answer says why.
  sent.then(() => outgoing.end(tail)).catch(() => undefined);
  return readJson(await answered, 'the upload');
}

/** Whether the address gives the beginning of an MP4. */
export async function isPlayable(url: string): Promise<boolean> {
  const headers = { range: 'bytes=0-1023' };
  const [outgoing, answered] = open(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
  outgoing.end();
  const answer = await answered;
  answer.resume();
  return [200, 206].includes(answer.statusCode ?? 0) && answer.headers['content-type'] === 'video/mp4';
}

function open(url: string, options: RequestOptions): [ClientRequest, Promise<IncomingMessage>] {
  const outgoing = httpRequest(url, { ...options, agent: false });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  return [outgoing, answered];
}

async function readJson<T>(answer: IncomingMessage, what: string): Promise<T> {
  const body = await text(answer);
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 299) throw new Error(`Expected ${what} to succeed, got ${status} ${body}`);
  return JSON.parse(body) as T;
}

function countBytes(totalBytes: number, onPercent: (percent: number) => void): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      onPercent((seen / totalBytes) * 100);
      done(undefined, chunk);
    },
  });
}
