import { join } from 'node:path';
import { ensureBucket } from '../../scripts/dev/servers/bucket.ts';
import {
  benchSecretKey,
  openBenchPostgres,
  openBenchRedis,
  openBenchS3,
  startServer,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import type { Defer } from '../../scripts/lib/defer.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import type { Wrap } from '../../scripts/lib/wrap.ts';
import { insertUser } from '../../src/database/users.ts';
import { openTokens } from '../../src/tokens.ts';
import { openPython } from './python.ts';

/** The environment of a server that accepts uploads. */
export type Settings = Readonly<Record<string, string>>;

export interface UploadServer {
  readonly port: number;
  readonly pid: number;
}

const pythonPackages = ['fastapi==0.165.0', 'uvicorn[standard]==0.54.0', 'python-multipart==0.0.34', 'boto3==1.44.8'];

/** Starts the service with its own database and queue, and creates a user who uploads. */
export async function openOurs(folder: string, defer: Defer) {
  const postgres = await openBenchPostgres(folder, defer);
  const redis = await openBenchRedis(folder, defer);
  const user = await insertUser(postgres.sql, {
    firstName: 'Bench',
    lastName: 'Player',
    email: 'bench@example.com',
    passwordHash: '-',
    city: null,
    country: null,
  });
  if (user === undefined) throw new Error('Expected an empty database, got a user in it');
  const tokens = openTokens({ secretKey: benchSecretKey, previousKey: undefined, lifetimeSeconds: 86_400 });
  return {
    token: tokens.issue(Number(user.id)),
    start: (settings: Settings, wrap?: Wrap): Promise<UploadServer> =>
      startWebProcess(folder, { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...settings }, defer, wrap),
  };
}

export async function startFastApi(folder: string, settings: Settings, defer: Defer): Promise<UploadServer> {
  const python = await openPython('upload', pythonPackages);
  const script = join(rootFolder, 'bench', 'peers', 'fastapi_upload.py');
  return startServer('fastapi-upload', folder, [script], defer, settings, python);
}

/** Starts a real S3 server with a bucket. */
export async function startS3WithBucket(folder: string, defer: Defer): Promise<Settings> {
  const { settings } = await openBenchS3(folder, defer);
  await ensureBucket({
    endpoint: settings.S3_ENDPOINT,
    region: 'us-east-1',
    accessKeyId: settings.AWS_ACCESS_KEY_ID,
    secretAccessKey: settings.AWS_SECRET_ACCESS_KEY,
    bucket: 'bench',
  });
  return settings;
}
