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

/**
 * Sends the form again and again, each over a connection of its own, so many at once. The body goes to the kernel as it
 * is, so that this end costs little. Rejects on any answer but 201.
 */
export async function runUploads({ port, token, body, uploads, atOnce }: UploadLoad): Promise<void> {
  const head = [
    'POST /api/videos/upload HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${contentTypeOf(body.boundary)}`,
    `Content-Length: ${body.bytes.length}`,
    '',
    '',
  ].join('\r\n');
  let left = uploads;
  const runLane = async () => {
    for (; left > 0; ) {
      left -= 1;
      await sendOne(port, head, body.bytes);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runLane));
}

/** Resolves with the status line: what stands behind it does not matter here. */
function sendOne(port: number, head: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head);
      socket.write(body);
    });
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (!answer.includes('\r\n\r\n')) return;
      socket.destroy();
      if (answer.startsWith('HTTP/1.1 201 ')) resolve();
      else reject(new Error(`Expected an upload to be answered 201, got ${answer}`));
    });
    socket.on('error', reject);
    socket.on('close', () =>
      reject(new Error(`Expected an answer to an upload, got the end of the connection${answer}`)),
    );
  });
}
