import { migrate } from '../../src/database/migrate.ts';
import { openDatabase, type Sql } from '../../src/database/open.ts';
import { requireSetting } from './settings.ts';

const template = 'migrated_template';
const templateLock = 4_711;

/** Creates a database, empty or migrated, and returns its address. */
export async function createDatabase(name: string, isMigrated: boolean): Promise<string> {
  await withServer(async (sql) => {
    if (isMigrated) await makeTemplate(sql);
    await sql.unsafe(`create database "${name}" ${isMigrated ? `template "${template}"` : ''}`);
  });
  return databaseUrl(name);
}

export async function dropDatabase(name: string): Promise<void> {
  await withServer((sql) => sql.unsafe(`drop database if exists "${name}" with (force)`));
}

/** Runs the migrations once in a test run. Test files run in separate processes, so the lock is one of the server's. */
async function makeTemplate(sql: Sql): Promise<void> {
  await sql`select pg_advisory_lock(${templateLock})`;
  const [known] = await sql`select 1 from pg_database where datname = ${template}`;
  if (known === undefined) {
    const unfinished = `${template}_unfinished`;
    await sql.unsafe(`drop database if exists "${unfinished}"`);
    await sql.unsafe(`create database "${unfinished}"`);
    const database = openTestDatabase(databaseUrl(unfinished), 2);
    await migrate(database, { legacyTimeZone: 'UTC' }).finally(() => database.end());
    await sql.unsafe(`alter database "${unfinished}" rename to "${template}"`);
  }
  await sql`select pg_advisory_unlock(${templateLock})`;
}

export function openTestDatabase(url: string, connections: number): Sql {
  return openDatabase(url, { connections, applicationName: 'test', statementTimeoutMs: 60_000 });
}

/** Opens only one connection, since a lock belongs to the connection that took it. */
async function withServer(work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = openTestDatabase(databaseUrl('postgres'), 1);
  try {
    // The server's own limit for locks is short; a template takes as long as its migrations.
    await sql`set lock_timeout = '60s'`;
    await work(sql);
  } finally {
    await sql.end();
  }
}

function databaseUrl(name: string): string {
  const url = new URL(requireSetting('TEST_DATABASE_URL'));
  url.pathname = `/${name}`;
  return url.href;
}
