import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { installPackages } from '../../scripts/lib/apt.ts';
import { startChild } from '../../scripts/lib/child.ts';
import type { Defer } from '../../scripts/lib/defer.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { untilReady } from '../../scripts/lib/ready.ts';
import { findOnPath } from '../../scripts/lib/run-tool.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface Balancer {
  url: string;
  version: string;
  pid: number;
  /** Adds the slot's instance at `port`, which gets requests from now on. */
  admit(slot: number, port: number): Promise<void>;
  /** Sends no new requests to the slot; requests in flight complete. */
  drain(slot: number): Promise<void>;
  /** Removes the slot's instance. */
  remove(slot: number): Promise<void>;
  /** Counts the responses 502 that the balancer sent since its start because an instance sent none. */
  countBadGateways(): Promise<number>;
}

/** The template's idle timeout. It is shorter than the 8 to 12 s after which the service closes an idle connection. */
const idleSeconds = 6;
/** HAProxy closes half of its idle connections to instances each time: after 6 s one in 64 is left, where an ALB has none. */
const purgeSeconds = 1;

/** Starts HAProxy with empty slots for instances. Like an ALB it does not retry, has idle timeouts and prefers the least busy instance. */
export async function startBalancer(folder: string, slots: number, defer: Defer): Promise<Balancer> {
  const binary = await findHaproxy();
  const [port, adminPort] = [await freePort(), await freePort()];
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(config, describeConfig(port, adminPort, slots));
  const logPath = join(folder, 'haproxy.log');
  const child = await startChild({
    command: binary,
    args: ['-f', config],
    env: { PATH: process.env['PATH'] },
    logPath,
  });
  defer(() => child.stop(5_000));
  const admin = (command: string) => sendAdmin(adminPort, command);
  await untilReady(child, { name: 'HAProxy', logPath }, async () => (await admin('show info')) !== '');
  const info = await admin('show info');
  const order = async (command: string) => {
    const response = (await admin(command)).trim();
    if (response !== '' && !response.startsWith('IP changed') && !response.startsWith('no need to change')) {
      throw new Error(`Expected HAProxy to accept "${command}", got ${response}`);
    }
  };
  return {
    url: `http://127.0.0.1:${port}`,
    version: /^Version: (\S+)/m.exec(info)?.[1] ?? 'unknown',
    pid: child.pid,
    async admit(slot, instancePort) {
      await admin(`set server web/w${slot} addr 127.0.0.1 port ${instancePort}`);
      await order(`set server web/w${slot} state ready`);
    },
    drain: (slot) => order(`set server web/w${slot} state drain`),
    remove: (slot) => order(`set server web/w${slot} state maint`),
    async countBadGateways() {
      const [head = '', ...rows] = (await admin('show stat')).trim().split('\n');
      const names = head.replace(/^# /, '').split(',');
      const cells = rows.map((row) => row.split(',')).find((row) => row[0] === 'web' && row[1] === 'BACKEND') ?? [];
      const read = (name: string) => Number(cells[names.indexOf(name)] ?? 0);
      // Counts errors of an instance's connection or response; requests that a client aborted are not among them.
      return read('econ') + read('eresp');
    },
  };
}

async function findHaproxy(): Promise<string> {
  if (findOnPath('haproxy') === undefined) await installPackages(['haproxy']);
  const found = findOnPath('haproxy');
  if (found !== undefined) return found;
  throw new UserError(
    'Expected HAProxy, got none, and its installation failed. Run `apt-get install haproxy` as root.',
  );
}

function describeConfig(port: number, adminPort: number, slots: number): string {
  const servers = Array.from({ length: slots }, (_, i) => `  server w${i} 127.0.0.1:9 disabled`);
  return `global
  maxconn 8000
  # Idle connections to instances are closed early only when file descriptors run out, because an ALB has no such limit.
  tune.pool-low-fd-ratio 80
  tune.pool-high-fd-ratio 90
  nbthread 1
  stats socket ipv4@127.0.0.1:${adminPort} level admin

defaults
  mode http
  retries 0
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive ${idleSeconds}s
  option http-keep-alive
  http-reuse safe

frontend clients
  bind 127.0.0.1:${port}
  default_backend web

backend web
  balance leastconn
  default-server pool-purge-delay ${purgeSeconds}s
${servers.join('\n')}
`;
}

function sendAdmin(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let response = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\n`));
    socket.setTimeout(5_000, () => socket.destroy(new Error('Expected HAProxy to respond within 5 s')));
    socket.on('data', (chunk) => {
      response += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(response));
  });
}
