import { chownSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../lib/child.ts';
import { untilReady } from '../../lib/ready.ts';
import { runTool } from '../../lib/run-tool.ts';
import { findPostgresBinaries, makeFolderFor, type PostgresBinaries } from './postgres-binaries.ts';
import { clearStalePostmaster, openClusterFolder } from './postgres-folder.ts';
import type { Server } from './server.ts';

export interface PostgresOptions {
  /** Folder of the cluster. */
  folder: string;
  port: number;
  /** Password of the user `postgres`, set when the cluster is created. */
  password: string;
  logPath: string;
  /** False if the data may be lost, as in tests. */
  isDurable: boolean;
  /** Maximum number of connections (200). */
  connectionsMax?: number;
}

export interface PostgresServer extends Server {
  /** Address of the database `postgres`. */
  url: string;
}

/** Starts a PostgreSQL 17 on the loopback address. Creates the cluster if its folder is empty. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = await findPostgresBinaries();
  const folder = openClusterFolder(options.folder, binaries.user);
  await clearStalePostmaster(folder);
  if (!existsSync(join(folder, 'PG_VERSION'))) await createCluster(binaries, folder, options.password);
  const child = await startChild({
    command: join(binaries.folder, 'bin', 'postgres'),
    args: serverArguments(folder, options),
    env: {
      PATH: process.env['PATH'],
      LANG: 'C',
      RUN_MARK: process.env['RUN_MARK'],
    },
    cwd: folder,
    logPath: options.logPath,
    user: binaries.user,
    // Fast shutdown: ends sessions without losing data.
    stopSignal: 'SIGINT',
  });
  // Recovery after a crash may take long.
  await untilReady(child, { name: 'PostgreSQL', logPath: options.logPath, timeoutMs: 120_000 }, () => isReady(folder));
  return {
    child,
    pid: child.pid,
    description: `PostgreSQL ${binaries.version} (embedded) on 127.0.0.1:${options.port}`,
    url: `postgres://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`,
    stop: async () => void (await child.stop(30_000)),
  };
}

/** Creates the cluster in another folder and renames it, so that a failed initdb leaves no partial cluster. */
async function createCluster(binaries: PostgresBinaries, folder: string, password: string): Promise<void> {
  const unfinished = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  makeFolderFor(binaries.user, unfinished);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (binaries.user !== undefined) chownSync(passwordFile, binaries.user.uid, binaries.user.gid);
  try {
    await runTool(join(binaries.folder, 'bin', 'initdb'), initArguments(unfinished, passwordFile), {
      user: binaries.user,
      cwd: unfinished,
      env: { PATH: process.env['PATH'], LANG: 'C' },
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
}

/** Uses the builtin collation, so that the sort order does not depend on the locales of the machine. */
function initArguments(folder: string, passwordFile: string): string[] {
  return [
    `--pgdata=${folder}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
}

function serverArguments(folder: string, options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(options.connectionsMax ?? 200),
    timezone: 'UTC',
    log_timezone: 'UTC',
    fsync: options.isDurable ? 'on' : 'off',
    synchronous_commit: options.isDurable ? 'on' : 'off',
    full_page_writes: options.isDurable ? 'on' : 'off',
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', folder, '-p', String(options.port), ...pairs];
}

/** Reads the state that the postmaster writes to its pid file. */
function isReady(folder: string): boolean {
  const pidFile = join(folder, 'postmaster.pid');
  return existsSync(pidFile) && /^ready\s*$/m.test(readFileSync(pidFile, 'utf8'));
}
