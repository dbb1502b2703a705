import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startChild } from '../../lib/child.ts';
import { untilReady } from '../../lib/ready.ts';
import type { Server } from './server.ts';

export interface RedisOptions {
  binary: string;
  folder: string;
  port: number;
  password: string;
  logPath: string;
  databases: number;
}

export interface RedisServer extends Server {
  url: string;
}

/** A Redis of our own on the loopback address. It keeps its data in an append-only file and never evicts a job. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const configPath = join(options.folder, 'redis.conf');
  // The password stands in a file: arguments can be read by every user of the machine.
  writeFileSync(configPath, configuration(options), { mode: 0o600 });
  const child = await startChild({
    command: options.binary,
    args: [configPath],
    env: {
      PATH: process.env['PATH'],
      LANG: 'C',
      RUN_MARK: process.env['RUN_MARK'],
    },
    cwd: options.folder,
    logPath: options.logPath,
  });
  const { logPath } = options;
  await untilReady(child, { name: 'Redis', logPath }, () => ping(options.port, options.password));
  return {
    child,
    pid: child.pid,
    description: `Redis on 127.0.0.1:${options.port}`,
    url: `redis://:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/0`,
    stop: async () => void (await child.stop()),
  };
}

function configuration({ folder, port, password, databases }: RedisOptions): string {
  return `${[
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(folder)}`,
    `databases ${databases}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    'daemonize no',
  ].join('\n')}\n`;
}

/** Loading the append-only file takes a moment, in which Redis answers with an error. */
function ping(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 }, () => {
      socket.write(`AUTH ${password}\r\nPING\r\n`);
    });
    const end = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.split('\r\n').length > 2) end(answer.includes('+PONG'));
    });
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('close', () => end(false));
  });
}
