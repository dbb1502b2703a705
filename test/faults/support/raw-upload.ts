import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { resetSocket } from './reset-socket.ts';

export interface RawUpload {
  port: number;
  token: string;
  contentType: string;
  body: Buffer;
  /** Stops after this many bytes of the body: ends the connection, resets it, or says nothing more. */
  cut?: { afterBytes: number; how: 'fin' | 'rst' | 'stall' };
  /** Slows the client down. */
  bytesPerSecond?: number;
  /** In chunks of this size, with `Transfer-Encoding: chunked`. */
  chunkBytes?: number;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** What the client saw: a response, or how the connection ended. */
export type RawOutcome =
  | { kind: 'answered'; status: number; text: string; headers: string }
  | { kind: 'lost'; reason: string; hadConnected: boolean };

/** Sends one upload on a new connection, byte by byte under the test's control, so that it can stop at any byte. */
export async function uploadRaw(upload: RawUpload): Promise<RawOutcome> {
  const socket = connect({ port: upload.port, host: '127.0.0.1', noDelay: true });
  const outcome = watch(socket, upload.timeoutMs ?? 60_000);
  const written = write(socket, upload).catch(() => undefined);
  const result = await outcome;
  socket.destroy();
  await written;
  return result;
}

async function write(socket: Socket, upload: RawUpload): Promise<void> {
  const { body, cut, bytesPerSecond, chunkBytes } = upload;
  await send(socket, Buffer.from(headOf(upload), 'latin1'));
  const end = Math.min(body.length, cut?.afterBytes ?? body.length);
  const step = bytesPerSecond === undefined ? (chunkBytes ?? 256 * 1024) : Math.max(1, Math.floor(bytesPerSecond / 20));
  for (let at = 0; at < end && !socket.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(end, at + step));
    if (chunkBytes !== undefined) await send(socket, Buffer.from(`${piece.length.toString(16)}\r\n`));
    await send(socket, piece);
    if (chunkBytes !== undefined) await send(socket, Buffer.from('\r\n'));
    if (bytesPerSecond !== undefined) await sleep(50);
  }
  if (cut === undefined && chunkBytes !== undefined) await send(socket, Buffer.from('0\r\n\r\n'));
  if (cut?.how === 'fin') socket.end();
  if (cut?.how === 'rst') resetSocket(socket);
}

function headOf({ token, contentType, body, chunkBytes, headers = {} }: RawUpload): string {
  const lines = {
    Host: 'localhost',
    Authorization: `Bearer ${token}`,
    'Content-Type': contentType,
    ...(chunkBytes === undefined ? { 'Content-Length': String(body.length) } : { 'Transfer-Encoding': 'chunked' }),
    ...headers,
  };
  const text = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /api/videos/upload HTTP/1.1\r\n${text.join('')}\r\n`;
}

/** Resolves when the kernel has taken the bytes; rejects when the connection is over. */
function send(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed) return reject(new Error('The connection is over'));
    const onClose = () => reject(new Error('The connection is over'));
    socket.once('close', onClose);
    socket.write(bytes, (error) => {
      socket.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

function watch(socket: Socket, timeoutMs: number): Promise<RawOutcome> {
  return new Promise((resolve) => {
    let text = '';
    let hadConnected = false;
    let reason = 'closed without an answer';
    const timer = setTimeout(() => resolve({ kind: 'lost', reason: 'no answer in time', hadConnected }), timeoutMs);
    socket.once('connect', () => {
      hadConnected = true;
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const answer = readAnswer(text);
      if (answer !== undefined) resolve(answer);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve({ kind: 'lost', reason, hadConnected });
    });
  });
}

/** Undefined until the response is complete. */
function readAnswer(text: string): RawOutcome | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const headers = text.slice(0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]);
  if (status === 100) return readAnswer(text.slice(headEnd + 4));
  const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0);
  const body = text.slice(headEnd + 4);
  return body.length < length ? undefined : { kind: 'answered', status, text: body, headers };
}
