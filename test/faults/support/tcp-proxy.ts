import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestScope } from '../../support/environment.ts';
import { resetSocket } from './reset-socket.ts';

export interface TcpFault {
  /** Delay of every chunk, in each direction. */
  latencyMs?: number;
  /** In each direction of a connection. */
  bytesPerSecond?: number;
  /** The connection is cut once the client has sent this much since the fault began. */
  cutAfterBytesSent?: number;
  /** The client's bytes are not forwarded and nothing is answered: the connection hangs. */
  hangs?: boolean;
  /** The server's bytes are not forwarded: the connection is cut instead. The client's bytes are forwarded. */
  swallowsAnswers?: boolean;
  /** New connections are cut at once. */
  refuses?: boolean;
  how?: 'fin' | 'rst';
}

interface Pair {
  client: Socket;
  server: Socket;
  isSilent: boolean;
}

/** Starts a proxy between the service and a server. It forwards bytes until a fault is set. */
export async function startTcpProxy(t: TestScope, target: { port: number; host?: string }) {
  const open = new Set<Pair>();
  let port = target.port;
  let fault: TcpFault = {};
  let sentBytes = 0;
  let heldBytes = 0;

  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ port, host: target.host ?? '127.0.0.1', allowHalfOpen: true });
    const pair: Pair = { client, server, isSilent: false };
    open.add(pair);
    for (const socket of [client, server]) {
      socket.on('error', () => pair.isSilent || cut(pair, 'rst'));
      socket.on('close', () => pair.isSilent || cut(pair, 'fin'));
    }
    if (fault.refuses) return cut(pair, fault.how);
    pump(pair, client, server, (bytes) => {
      sentBytes += bytes;
      if (fault.cutAfterBytesSent === undefined || sentBytes < fault.cutAfterBytesSent) return true;
      cut(pair, fault.how);
      return false;
    });
    pump(pair, server, client, () => {
      if (!fault.swallowsAnswers) return true;
      cut(pair, fault.how);
      return false;
    });
  });

  /** `mayPass` is asked before each chunk goes on. */
  async function pump(pair: Pair, from: Socket, to: Socket, mayPass: (bytes: number) => boolean): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (fault.hangs) {
          heldBytes += chunk.length;
          continue;
        }
        if (fault.latencyMs !== undefined) await sleep(fault.latencyMs);
        if (fault.bytesPerSecond !== undefined) await sleep((chunk.length / fault.bytesPerSecond) * 1000);
        if (pair.isSilent) continue;
        if (!mayPass(chunk.length)) return;
        if (!to.write(chunk)) await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
      }
      if (!pair.isSilent) to.end();
    } catch {
      if (!pair.isSilent) to.destroy();
    }
  }

  function cut(pair: Pair, how: TcpFault['how']): void {
    if (!open.delete(pair)) return;
    for (const socket of [pair.client, pair.server]) {
      if (how === 'rst') resetSocket(socket);
      else socket.destroy();
    }
  }

  const cutAll = (how: TcpFault['how'] = 'rst') => {
    for (const pair of [...open]) cut(pair, how);
  };
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    cutAll();
    return new Promise<void>((resolve) => proxy.close(() => resolve()));
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    cutAll,
    /** The bytes that were not forwarded because the connection hangs. */
    heldBytes: () => heldBytes,
    /**
     * The connections of this moment go silent, as when the network has forgotten them: nothing passes any more, and neither
     * end is notified, not even when the other closes. New connections work. Returns how many went silent.
     */
    silence(): number {
      for (const pair of open) pair.isSilent = true;
      return open.size;
    },
    /** Sets the port to which new connections lead. */
    setTarget(nextPort: number): void {
      port = nextPort;
    },
    setFault(next: TcpFault): void {
      fault = next;
      sentBytes = 0;
    },
  };
}
