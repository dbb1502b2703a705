import { readdirSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { socketReceiveBufferBytes, socketSendBufferBytes } from '../limits.ts';

/**
 * Bounds the kernel's buffers of each connection of a port. A connection inherits both sizes from the listening socket. `listen` must
 * open the port before it returns.
 *
 * The receive buffer has to be smaller than one read of uWebSockets.js (512 KiB). Builds since 2024 read a socket again, paused
 * or not, for as long as each read is full, and a client on the same machine keeps it full for a whole upload.
 *
 * @returns Whether the sizes were set. Only Linux is supported; elsewhere the port works with the system's sizes.
 */
export function listenWithBoundedBuffers(listen: () => void): boolean {
  if (process.platform !== 'linux') {
    listen();
    return false;
  }
  const before = new Set(listSockets());
  listen();
  const opened = listSockets().filter((fd) => !before.has(fd));
  return opened.length > 0 && opened.map(boundBuffers).every(Boolean);
}

function listSockets(): number[] {
  return readdirSync('/proc/self/fd').filter(isSocket).map(Number);
}

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
  } catch {
    // The folder's own descriptor is closed by now.
    return false;
  }
}

/** Linux' values, the same on x64 and arm64. The kernel doubles a size for its own bookkeeping, and caps it at `rmem_max`. */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;

type SetSocketOption = (fd: number, level: number, name: number, value: number[], bytes: number) => number;
let setSocketOption: SetSocketOption | undefined;

function boundBuffers(fd: number): boolean {
  setSocketOption ??= koffi
    .load(null)
    .func('int setsockopt(int fd, int level, int name, const int *value, uint32_t bytes)') as SetSocketOption;
  const set = (name: number, bytes: number) => setSocketOption?.(fd, SOL_SOCKET, name, [bytes], 4) === 0;
  return set(SO_RCVBUF, socketReceiveBufferBytes) && set(SO_SNDBUF, socketSendBufferBytes);
}
