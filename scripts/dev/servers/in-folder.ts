import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../lib/ports.ts';
import { type PostgresOptions, startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';
import { findRedisBinary } from './redis-binary.ts';
import { startS3 } from './s3.ts';
import { findS3Binary } from './s3-binary.ts';

/** Servers that live as long as one run: on free ports, with generated passwords, and with all files below `folder`. */
async function inFolder(folder: string, name: string) {
  const password = randomBytes(20).toString('hex');
  return { folder: join(folder, name), logPath: join(folder, `${name}.log`), port: await freePort(), password };
}

export async function startPostgresIn(folder: string, options: Pick<PostgresOptions, 'isDurable' | 'connectionsMax'>) {
  return startPostgres({ ...(await inFolder(folder, 'postgres')), ...options });
}

export async function startRedisIn(folder: string, databases: number) {
  return startRedis({ ...(await inFolder(folder, 'redis')), binary: await findRedisBinary(), databases });
}

/** Returns the server with its keys. */
export async function startS3In(folder: string) {
  const { password: secretAccessKey, ...own } = await inFolder(folder, 's3');
  mkdirSync(own.folder);
  const keys = { accessKeyId: '123456789012', secretAccessKey };
  const server = await startS3({ ...own, ...keys, binary: await findS3Binary(), region: 'us-east-1' });
  return { ...server, ...keys };
}
