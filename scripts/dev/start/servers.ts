import { join } from 'node:path';
import { freePortFrom } from '../../lib/ports.ts';
import { settleAll } from '../../lib/settle-all.ts';
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

/** Addresses of the servers that the service uses, whether or not `npm start` started them. */
export interface BackingServices {
  databaseUrl: string;
  redisUrl: string;
  s3: S3Access;
  ffmpeg: Ffmpeg;
}

interface S3Access {
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
  accountId: string | undefined;
}

interface StartContext {
  options: StartOptions;
  secrets: Secrets;
  group: ProcessGroup;
  say: Say;
}

/** Uses the servers that the environment names, and starts the others, all at the same time. */
export async function openBackingServices(context: StartContext): Promise<BackingServices> {
  const [databaseUrl, redisUrl, s3, ffmpeg] = await settleAll([
    process.env['DATABASE_URL'] || openPostgres(context),
    process.env['REDIS_URL'] || openRedis(context),
    openS3(context),
    step(context.say, ({ description }) => description, findFfmpeg),
  ]);
  return { databaseUrl, redisUrl, s3, ffmpeg };
}

async function openPostgres(context: StartContext): Promise<string> {
  const password = context.secrets.postgresPassword;
  const own = { ...pathsOf(context, 'postgres'), port: await freePortFrom(54320), password, isDurable: true };
  return (await startServer(context, 'postgres', () => startPostgres(own))).url;
}

async function openRedis(context: StartContext): Promise<string> {
  const password = context.secrets.redisPassword;
  const own = { ...pathsOf(context, 'redis'), port: await freePortFrom(63790), password, databases: 16 };
  const binary = await announceInstall(context, 'Redis', findRedisBinary);
  return (await startServer(context, 'redis', () => startRedis({ ...own, binary }))).url;
}

async function openS3(context: StartContext): Promise<S3Access> {
  const { region, bucket } = context.options;
  const s3 = process.env['S3_ENDPOINT'] ? readNamedS3(process.env['S3_ENDPOINT']) : await startOwnS3(context);
  await ensureBucket({ ...s3, region, bucket });
  return s3;
}

function readNamedS3(endpoint: string): S3Access {
  const accessKeyId = process.env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = process.env['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) {
    throw new UserError(
      'Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set along with S3_ENDPOINT, got none.',
    );
  }
  return { endpoint, accessKeyId, secretAccessKey, accountId: process.env['AWS_ACCOUNT_ID'] || undefined };
}

async function startOwnS3(context: StartContext): Promise<S3Access> {
  const { options, secrets } = context;
  const keys = { accessKeyId: secrets.s3AccessKeyId, secretAccessKey: secrets.s3SecretAccessKey };
  const own = { ...pathsOf(context, 's3'), ...keys, port: await freePortFrom(7070), region: options.region };
  const binary = await announceInstall(context, 'the S3 server', findS3Binary);
  const { endpoint } = await startServer(context, 's3', () => startS3({ ...own, binary }));
  return { endpoint, ...keys, accountId: keys.accessKeyId };
}

/** Prints that a tool is being installed, unless it is found at once. */
async function announceInstall(context: StartContext, name: string, find: () => Promise<string>): Promise<string> {
  const timer = setTimeout(() => context.say(`Installing ${name} ...`), 1_500);
  return find().finally(() => clearTimeout(timer));
}

/** Starts a server in the process group, which restarts it on the same port whenever it ends. */
function startServer<T extends Server>(
  { group, say }: StartContext,
  role: 'postgres' | 'redis' | 's3',
  start: () => Promise<T>,
): Promise<T> {
  let server: T;
  const launch = async () => {
    server = await start();
    return server.child;
  };
  return step(
    say,
    ({ description }) => description,
    () => group.start(role, launch).then(() => server),
  );
}

function pathsOf({ options: { dataDir } }: StartContext, name: string): { folder: string; logPath: string } {
  return { folder: join(dataDir, name), logPath: join(dataDir, 'logs', `${name}.log`) };
}
