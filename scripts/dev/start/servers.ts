import { join } from 'node:path';
import { freePortFrom } from '../../lib/ports.ts';
import { type Say, step } from '../../lib/steps.ts';
import { UserError } from '../../lib/user-error.ts';
import { ensureBucket } from '../servers/bucket.ts';
import { type Ffmpeg, findFfmpeg } from '../servers/ffmpeg.ts';
import { startPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import { findRedisBinary } from '../servers/redis-binary.ts';
import { startS3 } from '../servers/s3.ts';
import { findS3Binary } from '../servers/s3-binary.ts';
import type { Server } from '../servers/server.ts';
import type { StartOptions } from './options.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Secrets } from './secrets.ts';

/** Where everything is that the service runs on, whoever started it. */
export interface BackingServices {
  databaseUrl: string;
  redisUrl: string;
  s3: { endpoint: string; accessKeyId: string; secretAccessKey: string; accountId: string | undefined };
  ffmpeg: Ffmpeg;
}

interface Place {
  options: StartOptions;
  secrets: Secrets;
  crew: ProcessGroup;
  say: Say;
}

/** What the environment names is used; the rest is started here, all at the same time. */
export async function openBackingServices(place: Place): Promise<BackingServices> {
  const outcomes = await Promise.allSettled([openPostgres(place), openRedis(place), openS3(place), openFfmpeg(place)]);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  const [databaseUrl, redisUrl, s3, ffmpeg] = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : undefined,
  ) as [string, string, BackingServices['s3'], Ffmpeg];
  return { databaseUrl, redisUrl, s3, ffmpeg };
}

function openFfmpeg({ say }: Place): Promise<Ffmpeg> {
  return step(say, (ffmpeg) => ffmpeg.description, findFfmpeg);
}

async function openPostgres(place: Place): Promise<string> {
  const named = process.env['DATABASE_URL'];
  if (named) return named;
  const { options, secrets } = place;
  const port = await freePortFrom(54320);
  const settings = {
    folder: join(options.dataDir, 'postgres'),
    port,
    password: secrets.postgresPassword,
    logPath: logPath(options, 'postgres'),
    isDurable: true,
  };
  const server = await hire(place, 'postgres', () => startPostgres(settings));
  return server.url;
}

async function openRedis(place: Place): Promise<string> {
  const named = process.env['REDIS_URL'];
  if (named) return named;
  const { options, secrets } = place;
  const settings = {
    folder: join(options.dataDir, 'redis'),
    port: await freePortFrom(63790),
    password: secrets.redisPassword,
    logPath: logPath(options, 'redis'),
    databases: 16,
  };
  const binary = await findTool(place, 'Redis', findRedisBinary);
  const server = await hire(place, 'redis', () => startRedis({ ...settings, binary }));
  return server.url;
}

async function openS3(place: Place): Promise<BackingServices['s3']> {
  const { options } = place;
  const s3 = process.env['S3_ENDPOINT'] ? readNamedS3(process.env['S3_ENDPOINT']) : await startOwnS3(place);
  await ensureBucket({ ...s3, region: options.region, bucket: options.bucket });
  return s3;
}

function readNamedS3(endpoint: string): BackingServices['s3'] {
  const accessKeyId = process.env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = process.env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) {
    throw new UserError(
      'Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set along with S3_ENDPOINT, got none.',
    );
  }
  return { endpoint, accessKeyId, secretAccessKey, accountId: process.env['AWS_ACCOUNT_ID'] || undefined };
}

async function startOwnS3(place: Place): Promise<BackingServices['s3']> {
  const { options, secrets } = place;
  const keys = { accessKeyId: secrets.s3AccessKeyId, secretAccessKey: secrets.s3SecretAccessKey };
  const settings = {
    folder: join(options.dataDir, 's3'),
    port: await freePortFrom(7070),
    ...keys,
    region: options.region,
    logPath: logPath(options, 's3'),
  };
  const binary = await findTool(place, 'the S3 server', findS3Binary);
  const server = await hire(place, 's3', () => startS3({ ...settings, binary }));
  return { endpoint: server.endpoint, ...keys, accountId: keys.accessKeyId };
}

/** A tool that is there already is no news; one that had to be installed or built took a while. */
async function findTool(place: Place, name: string, find: () => Promise<string>): Promise<string> {
  const timer = setTimeout(() => place.say(`Installing ${name} ...`), 1_500);
  return find().finally(() => clearTimeout(timer));
}

/** Starts a server, and has the crew start it again on the same port whenever it ends. */
async function hire<T extends Server>(
  place: Place,
  name: 'postgres' | 'redis' | 's3',
  start: () => Promise<T>,
): Promise<T> {
  return step(
    place.say,
    (server) => server.description,
    async () => {
      let first: T | undefined;
      await place.crew.add(name, async () => {
        const server = await start();
        first ??= server;
        return server.child;
      });
      if (first === undefined) throw new Error(`Expected ${name} to be started, got nothing`);
      return first;
    },
  );
}

function logPath(options: StartOptions, name: string): string {
  return join(options.dataDir, 'logs', `${name}.log`);
}
