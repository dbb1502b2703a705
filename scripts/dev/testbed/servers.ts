import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../../src/database/migrate.ts';
import { openDatabase, type Sql } from '../../../src/database/open.ts';
import { startChild } from '../../lib/child.ts';
import type { Defer } from '../../lib/defer.ts';
import { rootFolder } from '../../lib/paths.ts';
import { freePort } from '../../lib/ports.ts';
import { untilReady } from '../../lib/ready.ts';
import type { Wrap } from '../../lib/wrap.ts';
import { startPostgresIn, startRedisIn, startS3In } from '../servers/in-folder.ts';
import { removeClusterFolder } from '../servers/postgres-folder.ts';

/** Makes a folder that is removed at the end. PostgreSQL may run as another user, who needs access to it. */
export function makeBenchFolder(defer: Defer): string {
  const folder = mkdtempSync(join(tmpdir(), 'anb-bench-'));
  chmodSync(folder, 0o711);
  defer(() => {
    removeClusterFolder(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Starts a PostgreSQL with durable commits and the service's schema. `pid` is the parent of its backends. */
export async function openBenchPostgres(folder: string, defer: Defer): Promise<{ url: string; pid: number; sql: Sql }> {
  const server = await startPostgresIn(folder, { isDurable: true, connectionsMax: 600 });
  defer(() => server.stop());
  return { url: server.url, pid: server.pid, sql: await openMigrated(server.url, defer) };
}

/** Adds a database with the service's schema to the same server. */
export async function addBenchDatabase(
  { url, sql }: { url: string; sql: Sql },
  name: string,
  defer: Defer,
): Promise<{ url: string; sql: Sql }> {
  await sql.unsafe(`create database "${name}"`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, sql: await openMigrated(own.href, defer) };
}

async function openMigrated(url: string, defer: Defer): Promise<Sql> {
  const sql = openDatabase(url, { connections: 2, applicationName: 'bench', statementTimeoutMs: 30 * 60_000 });
  defer(() => sql.end({ timeout: 1 }));
  await migrate(sql, { legacyTimeZone: 'UTC' });
  return sql;
}

export async function openBenchRedis(folder: string, defer: Defer): Promise<{ url: string; pid: number }> {
  const server = await startRedisIn(folder, 16);
  defer(() => server.stop());
  return { url: server.url, pid: server.pid };
}

/** Starts an S3 server and returns the settings for it. The caller creates the bucket. */
export async function openBenchS3(folder: string, defer: Defer) {
  const server = await startS3In(folder);
  defer(() => server.stop());
  const settings = {
    S3_ENDPOINT: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_ACCOUNT_ID: server.accessKeyId,
  };
  return { endpoint: server.endpoint, pid: server.pid, settings };
}

export const benchSecretKey = 'the key of the benches';

/**
 * Starts one web process of the built service without rate limits. `settings` may leave out Redis and S3: the service then runs
 * without them.
 */
export async function startWebProcess(
  folder: string,
  settings: Readonly<Record<string, string>>,
  defer: Defer,
  wrap: Wrap = (args) => ({ command: process.execPath, args, env: {} }),
): Promise<{ port: number; pid: number }> {
  const { command, args, env } = await wrap([join(rootFolder, 'dist', 'src', 'main.js')]);
  const own = {
    METRICS_PORT: String(await freePort()),
    WEB_PROCESSES: '1',
    RATE_LIMITS: 'off',
    SECRET_KEY: benchSecretKey,
    S3_BUCKET_NAME: 'bench',
    S3_ENDPOINT: 'http://127.0.0.1:9',
    REDIS_URL: 'redis://127.0.0.1:9/0',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    UV_THREADPOOL_SIZE: '2',
    ...settings,
  };
  return startServer('web', folder, args, defer, { ...(env as Record<string, string>), ...own }, command);
}

/** Starts a built Node.js program from bench/peers. Resolves when it answers GET / on its port. */
export async function startNodePeer(
  name: string,
  folder: string,
  settings: Readonly<Record<string, string>>,
  defer: Defer,
): Promise<{ port: number; pid: number }> {
  return startServer(name, folder, [join(rootFolder, 'dist', 'bench', 'peers', `${name}.js`)], defer, settings);
}

/**
 * Starts any server that reads PORT from its environment. Resolves when it answers GET /. Its output goes to a file in `folder`. The
 * port is a free one unless `settings` has one, for processes that share a port.
 */
export async function startServer(
  name: string,
  folder: string,
  args: readonly string[],
  defer: Defer,
  settings: Readonly<Record<string, string>>,
  command: string = process.execPath,
): Promise<{ port: number; pid: number }> {
  const port = settings['PORT'] === undefined ? await freePort() : Number(settings['PORT']);
  const logPath = join(folder, `${name}-${port}.log`);
  const env = { PATH: process.env['PATH'], DATA_DIR: folder, ...settings, PORT: String(port) };
  const child = await startChild({ command, args, env, logPath });
  defer(() => child.stop(5_000));
  const answers = async () => (await fetch(`http://127.0.0.1:${port}/`)).status < 500;
  await untilReady(child, { name, logPath, timeoutMs: 60_000 }, answers);
  return { port, pid: child.pid };
}
