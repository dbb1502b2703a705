import type { Socket } from 'node:net';

/**
 * Ends a connection by RST. One that is being made or shut down is only closed: Node would fail to reset it, keep its handle for
 * ever and spin on it when the process ends.
 */
export function resetSocket(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
