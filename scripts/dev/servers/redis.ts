import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
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

/** Starts a Redis on the loopback address. Its data is in an append-only file, and it never evicts a job. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const configPath = join(options.folder, 'redis.conf');
  // The password is in a file, because every user of the machine can read arguments.
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
  const url = `redis://:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/0`;
  await untilReady(child, { name: 'Redis', logPath }, () => ping(url));
  return {
    child,
    pid: child.pid,
    description: `Redis on 127.0.0.1:${options.port}`,
    url,
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

/** False or a rejection while Redis still loads its append-only file. */
async function ping(url: string): Promise<boolean> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } finally {
    redis.disconnect();
  }
}
