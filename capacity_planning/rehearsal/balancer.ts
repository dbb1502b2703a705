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
  /** From now on the slot's instance is at this port and gets requests. */
  admit(slot: number, port: number): Promise<void>;
  /** It finishes what it has and gets nothing new. */
  drain(slot: number): Promise<void>;
  /** It is gone. */
  forget(slot: number): Promise<void>;
  /** Answers that the balancer had to make up because an instance gave none, since it was started. */
  countBadGateways(): Promise<number>;
}

/** Of the template's balancer: shorter than the 8 to 12 s after which the service closes an idle connection. */
const idleSeconds = 6;
/** It gives up half of its idle connections to instances each time: after those 6 s one in 64 is left, of an ALB's none. */
const purgeSeconds = 1;

/** HAProxy with `slots` slots for instances, none taken; what it does when is an ALB's: no second try, idle time-outs, least busy first. */
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
  const ask = (command: string) => askAdmin(adminPort, command);
  await untilReady(child, { name: 'HAProxy', logPath }, async () => (await ask('show info')) !== '');
  const info = await ask('show info');
  const order = async (command: string) => {
    const answer = (await ask(command)).trim();
    if (answer !== '' && !answer.startsWith('IP changed') && !answer.startsWith('no need to change')) {
      throw new Error(`Expected HAProxy to accept "${command}", got ${answer}`);
    }
  };
  return {
    url: `http://127.0.0.1:${port}`,
    version: /^Version: (\S+)/m.exec(info)?.[1] ?? 'unknown',
    pid: child.pid,
    async admit(slot, instancePort) {
      await ask(`set server web/w${slot} addr 127.0.0.1 port ${instancePort}`);
      await order(`set server web/w${slot} state ready`);
    },
    drain: (slot) => order(`set server web/w${slot} state drain`),
    forget: (slot) => order(`set server web/w${slot} state maint`),
    async countBadGateways() {
      const [head = '', ...rows] = (await ask('show stat')).trim().split('\n');
      const names = head.replace(/^# /, '').split(',');
      const cells = rows.map((row) => row.split(',')).find((row) => row[0] === 'web' && row[1] === 'BACKEND') ?? [];
      const read = (name: string) => Number(cells[names.indexOf(name)] ?? 0);
      // Of requests that broke off in an instance's connection or answer; a client's own end is none of these.
      return read('econ') + read('eresp');
    },
  };
}

async function findHaproxy(): Promise<string> {
  if (findOnPath('haproxy') === undefined) await installPackages(['haproxy']);
  const found = findOnPath('haproxy');
  if (found !== undefined) return found;
  throw new UserError('No HAProxy here and none could be installed: run `apt-get install haproxy` as root.');
}

function describeConfig(port: number, adminPort: number, slots: number): string {
  const servers = Array.from({ length: slots }, (_, i) => `  server w${i} 127.0.0.1:9 disabled`);
  return `global
  maxconn 8000
  # Kept connections to instances are given up only where descriptors really run out: an ALB knows no such limit.
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

function askAdmin(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\n`));
    socket.setTimeout(5_000, () => socket.destroy(new Error('Expected HAProxy to answer within 5 s')));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(answer));
  });
}
