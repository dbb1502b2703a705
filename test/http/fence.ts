import { once } from 'node:events';
import type { Socket } from 'node:net';
import t from 'tap';
import { freePort } from '../../scripts/lib/ports.ts';
import * as fence from '../../src/http/uws.ts';

/** A server of the fence alone, without database, store or queue: what src/http/uws.ts says, on the build that this Node.js loads. */
export const MiB = 1024 * 1024;
export const errors: unknown[] = [];
export const port: number = await freePort();
export const app: ReturnType<typeof fence.openApp> = fence.openApp(
  () => undefined,
  (error) => errors.push(error),
);
t.teardown(app.stopListening);

export type Handle = (transport: fence.Transport, method: string, readHeader: (name: string) => string) => void;

/** Serves one path by the same handler for every method. */
export function serve(path: string, handle: Handle): void {
  const each: fence.Serve = (res, req, method) =>
    handle({ res, onError: (error) => errors.push(error), hasInterim: false }, method, (name) => req.getHeader(name));
  app.route(path, new Map(), each);
}

export function head(status: string, closesConnection = false): fence.ResponseHead {
  return { status, fields: 'X-Test: yes', closesConnection };
}

export function requestHead(method: string, path: string, ...lines: string[]): string {
  return `${[`${method} ${path} HTTP/1.1`, 'Host: x', ...lines].join('\r\n')}\r\n\r\n`;
}

/** Reads until the other side ends the connection. */
export async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

export const neverSent = (): unknown => t.fail('a response that was sent whole is not sent again');
