import { connect } from 'node:net';
import { contentTypeOf, createNoise, frameFile } from './multipart-bodies.ts';

export interface UploadLoad {
  port: number;
  /** Of a user, for a server that asks. */
  token: string;
  body: UploadBody;
  uploads: number;
  atOnce: number;
}

export interface UploadBody {
  readonly boundary: string;
  readonly bytes: Buffer;
}

/** A form with a title and a file of this many bytes, ready to be sent. */
export function createUploadBody(fileBytes: number): UploadBody {
  const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
  const { before, after } = frameFile(boundary);
  return { boundary, bytes: Buffer.concat([before, createNoise(fileBytes), after]) };
}

/** What a client saw, and how long after it had asked for the connection. */
export interface UploadOutcome {
  /** Of the answer; 0 when the connection ended without one. */
  readonly status: number;
  readonly seconds: number;
  /** The answer, or how the connection ended. */
  readonly text: string;
}

/**
 * Sends the form again and again, each over a connection of its own, so many at once. The body goes to the kernel as it
 * is, so that this end costs little. Rejects on any answer but 201.
 */
export async function runUploads({ uploads, atOnce, ...load }: UploadLoad): Promise<void> {
  let left = uploads;
  const runScenario = async () => {
    for (; left > 0; ) {
      left -= 1;
      const { status, text } = await sendUpload(load);
      if (status !== 201) throw new Error(`Expected an upload to be answered 201, got ${text}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runScenario));
}

/** As one client sends it that listens while it sends, and stops sending once it is answered. */
export function sendUpload({ port, token, body }: Pick<UploadLoad, 'port' | 'token' | 'body'>): Promise<UploadOutcome> {
  const head = [
    'POST /api/videos/upload HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${contentTypeOf(body.boundary)}`,
    `Content-Length: ${body.bytes.length}`,
    '',
    '',
  ].join('\r\n');
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let answer = '';
    let end = 'the end of the connection';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head);
      socket.write(body.bytes);
    });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', (error) => {
      end = error.message;
    });
    socket.on('close', () => {
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
      resolve({ status, seconds: (performance.now() - startedAt) / 1000, text: answer || end });
    });
  });
}
