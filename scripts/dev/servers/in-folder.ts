import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../lib/ports.ts';
import { startRedis } from './redis.ts';
import { findRedisBinary } from './redis-binary.ts';
import { startS3 } from './s3.ts';
import { findS3Binary } from './s3-binary.ts';

/** A Redis of a run that ends with it: on a free port, with a password of its own, its files below `folder`. */
export async function startRedisIn(folder: string, databases: number) {
  return startRedis({
    binary: await findRedisBinary(),
    folder: join(folder, 'redis'),
    port: await freePort(),
    password: randomBytes(16).toString('hex'),
    logPath: join(folder, 'redis.log'),
    databases,
  });
}

/** The same of an S3 server, with the keys it knows. */
export async function startS3In(folder: string) {
  mkdirSync(join(folder, 's3'));
  const keys = { accessKeyId: '123456789012', secretAccessKey: randomBytes(20).toString('hex') };
  const server = await startS3({
    binary: await findS3Binary(),
    folder: join(folder, 's3'),
    port: await freePort(),
    ...keys,
    region: 'us-east-1',
    logPath: join(folder, 's3.log'),
  });
  return { ...server, ...keys };
}
