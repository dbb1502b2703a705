import { connect } from 'node:net';
import { contentTypeOf, createNoise, frameFile } from './multipart-bodies.ts';

export interface UploadLoad {
  port: number;
  /** A user's token, which the peers ignore. */
  token: string;
  body: UploadBody;
  uploads: number;
  atOnce: number;
}

export interface UploadBody {
  readonly boundary: string;
  readonly bytes: Buffer;
}

/** Creates a form with a title and a file of `fileBytes` bytes. */
export function createUploadBody(fileBytes: number): UploadBody {
  const boundary = '----WebKitFormBoundary7MA4YWxkTrZu0gW';
  const { before, after } = frameFile(boundary);
  return { boundary, bytes: Buffer.concat([before, createNoise(fileBytes), after]) };
}

/** The outcome of an upload, and the time since the client began to connect. */
export interface UploadOutcome {
  /** The response's status; 0 if the connection ended without a response. */
  readonly status: number;
  readonly seconds: number;
  /** The response, or the error that ended the connection. */
  readonly text: string;
}

/**
 * Sends the form `uploads` times over separate connections, `atOnce` at a time. The body is written without a copy, so that
 * the client costs little CPU. Rejects on any response but 201.
 */
export async function runUploads({ uploads, atOnce, ...load }: UploadLoad): Promise<void> {
  let left = uploads;
  const sendNext = async () => {
    while (left > 0) {
      left -= 1;
      const { status, text } = await sendUpload(load);
      if (status !== 201) throw new Error(`Expected 201 for an upload, got ${text}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sendNext));
}

/** Sends one upload, reads while it sends, and stops sending when the response arrives. */
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
    let response = '';
    let end = 'the end of the connection';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head);
      socket.write(body.bytes);
    });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      response += text;
      if (response.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', (error) => {
      end = error.message;
    });
    socket.on('close', () => {
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(response)?.[1] ?? 0);
      resolve({ status, seconds: (performance.now() - startedAt) / 1000, text: response || end });
    });
  });
}
