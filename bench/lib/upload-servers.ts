import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { ensureBucket } from '../../scripts/servers/bucket.ts';
import { insertUser } from '../../src/database/users.ts';
import { openTokens } from '../../src/tokens.ts';
import type { Defer } from './bench-case.ts';
import { makeCertificate } from './certificate.ts';
import { openPython } from './python.ts';
import {
  benchSecretKey,
  openBenchPostgres,
  openBenchRedis,
  openBenchS3,
  startNodePeer,
  startServer,
  startWebProcess,
} from './servers.ts';

/** What a server that takes uploads has to be told. */
export type Settings = Readonly<Record<string, string>>;

export interface UploadServer {
  readonly port: number;
  readonly pid: number;
}

const pythonPackages = ['fastapi==0.165.0', 'uvicorn[standard]==0.54.0', 'python-multipart==0.0.34', 'boto3==1.44.8'];
const anyKeys = { AWS_ACCESS_KEY_ID: '123456789012', AWS_SECRET_ACCESS_KEY: 'secret', AWS_ACCOUNT_ID: '123456789012' };

/** Ours with a database and a queue of its own, and a user to upload as. */
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
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    start: (settings: Settings): Promise<UploadServer> =>
      startWebProcess(folder, { DATABASE_URL: postgres.url, REDIS_URL: redis.url, ...settings }, defer),
  };
}

export function startFloor(folder: string, settings: Settings, defer: Defer): Promise<UploadServer> {
  return startNodePeer('upload-floor', folder, settings, defer);
}

export function startFastify(folder: string, settings: Settings, defer: Defer): Promise<UploadServer> {
  return startNodePeer('fastify-upload', folder, settings, defer);
}

export async function startFastApi(folder: string, settings: Settings, defer: Defer): Promise<UploadServer> {
  const python = await openPython('upload', pythonPackages);
  const script = join(rootFolder, 'bench', 'peers', 'fastapi_upload.py');
  return startServer('fastapi-upload', folder, [script], defer, settings, python);
}

/** What the slow S3 end takes of each connection. */
export const slowBytesPerSecond = 20_000_000;

/** The S3 end that drops everything; the settings lead to it, plain, by TLS, or plain and slow. */
export async function startS3Sink(
  folder: string,
  defer: Defer,
): Promise<{ plain: Settings; tls: Settings; slow: Settings }> {
  const { keyPath, certificatePath } = makeCertificate(folder);
  const [tlsPort, slowPort] = [await freePort(), await freePort()];
  const settings = {
    TLS_PORT: String(tlsPort),
    TLS_KEY: keyPath,
    TLS_CERT: certificatePath,
    SLOW_PORT: String(slowPort),
    SLOW_BYTES_PER_SECOND: String(slowBytesPerSecond),
  };
  const { port } = await startNodePeer('s3-sink', folder, settings, defer);
  const trust = { NODE_EXTRA_CA_CERTS: certificatePath, AWS_CA_BUNDLE: certificatePath };
  return {
    plain: { ...anyKeys, S3_ENDPOINT: `http://127.0.0.1:${port}` },
    tls: { ...anyKeys, ...trust, S3_ENDPOINT: `https://127.0.0.1:${tlsPort}` },
    slow: { ...anyKeys, S3_ENDPOINT: `http://127.0.0.1:${slowPort}` },
  };
}

/** A real S3 server, and the bucket in it. */
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
