import { createHash } from 'node:crypto';
import { migrationLockTimeoutMs, migrationWaitMs } from '../limits.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { type ColumnChange, describeColumns, describeTables, type TableChange } from './migration-preview.ts';
import type { AnySql, Sql } from './open.ts';

export interface MigrateOptions {
  /** The time zone of an older system's timestamps, which were stored without one. */
  legacyTimeZone: string;
  /** Reports the pending migrations without applying them. */
  dryRun?: boolean;
  onApplied?: (applied: AppliedMigration) => void;
}

export interface AppliedMigration {
  name: string;
  milliseconds: number;
}

export interface MigrationReport {
  applied: AppliedMigration[];
  pending: { name: string; summary: string }[];
  tables: TableChange[];
  columns: ColumnChange[];
}

/** The key of the lock that a migration holds: any number that is not locked otherwise in this database. */
const advisoryLock = 7_261_402_117;

/**
 * Brings the database to this release's schema: from an empty database, an older system's tables or an earlier release. Of
 * several concurrent callers one applies the migrations; the others wait and find none pending. Each migration is one
 * transaction, so a failure leaves the ones before it applied. Migrations of a later release stay: this release can run beside it.
 */
export async function migrate(sql: Sql, options: MigrateOptions): Promise<MigrationReport> {
  const migrations = await readMigrations();
  if (options.dryRun) return preview(sql, migrations, options.legacyTimeZone);
  const connection = await sql.reserve();
  try {
    await connection.unsafe(`set statement_timeout = 0; set lock_timeout = ${migrationWaitMs}`);
    await connection`select pg_advisory_lock(${advisoryLock})`;
    await connection.unsafe(`set lock_timeout = ${migrationLockTimeoutMs}`);
    return await applyPending(connection, migrations, options);
  } finally {
    await resetSession(connection);
    connection.release();
  }
}

async function applyPending(connection: AnySql, migrations: Migration[], options: MigrateOptions) {
  await connection`
    create table if not exists schema_migrations (
      name text primary key,
      sha256 text not null,
      applied_at timestamptz not null default now()
    )`;
  const pending = await findPending(connection, migrations);
  await checkTimeZone(connection, pending, options.legacyTimeZone);
  await connection`select set_config('migrations.legacy_time_zone', ${options.legacyTimeZone}, false)`;
  const applied: AppliedMigration[] = [];
  for (const migration of pending) {
    const startedAt = performance.now();
    await apply(connection, migration);
    const done = {
      name: migration.name,
      milliseconds: Math.round(performance.now() - startedAt),
    };
    applied.push(done);
    options.onApplied?.(done);
  }
  return { applied, pending: [], tables: [], columns: [] };
}

async function apply(connection: AnySql, migration: Migration): Promise<void> {
  await connection.unsafe('begin');
  try {
    await connection.unsafe(migration.text);
    await connection`insert into schema_migrations (name, sha256) values (${migration.name}, ${sha256(migration.text)})`;
    await connection.unsafe('commit');
  } catch (error) {
    // When the connection is lost, the server has rolled back already.
    await connection.unsafe('rollback').catch(() => {});
    throw new Error(`Expected migration ${migration.name} to apply, got: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function preview(sql: Sql, migrations: Migration[], legacyTimeZone: string): Promise<MigrationReport> {
  const pending = await findPending(sql, migrations);
  await checkTimeZone(sql, pending, legacyTimeZone);
  const rewritten = new Set(pending.flatMap((migration) => migration.rewrites));
  return {
    applied: [],
    pending: pending.map(({ name, summary }) => ({ name, summary })),
    tables: await describeTables(sql, rewritten),
    columns: rewritten.size === 0 ? [] : await describeColumns(sql, legacyTimeZone),
  };
}

/** Resolves to the migrations not applied yet. Rejects when an applied one was edited: databases of one version would differ. */
async function findPending(sql: AnySql, migrations: Migration[]): Promise<Migration[]> {
  const [found] = await sql<{ table: string | null }[]>`select to_regclass('schema_migrations') as table`;
  if (!found?.table) return migrations;
  const rows = await sql<{ name: string; sha256: string }[]>`select name, sha256 from schema_migrations`;
  const applied = new Map(rows.map((row) => [row.name, row.sha256]));
  for (const { name, text } of migrations) {
    const known = applied.get(name);
    if (known !== undefined && known !== sha256(text)) {
      throw new Error(
        `Expected migration ${name} to be the one that was applied, got an edited one: restore the file and add a new migration`,
      );
    }
  }
  return migrations.filter(({ name }) => !applied.has(name));
}

/** Rejects on an unknown time zone. PostgreSQL accepts almost any text as a zone and would shift an older system's times by it. */
async function checkTimeZone(sql: AnySql, pending: Migration[], legacyTimeZone: string): Promise<void> {
  if (pending.every(({ rewrites }) => rewrites.length === 0)) return;
  const found = await sql`select 1 from pg_timezone_names where lower(name) = lower(${legacyTimeZone}) limit 1`;
  if (found.length === 0) {
    throw new Error(
      `Expected LEGACY_TIME_ZONE to be a zone such as America/Bogota, got ${JSON.stringify(legacyTimeZone)}`,
    );
  }
}

async function resetSession(connection: AnySql): Promise<void> {
  const ignore = () => {};
  await connection`select pg_advisory_unlock_all()`.catch(ignore);
  await connection.unsafe('reset statement_timeout; reset lock_timeout').catch(ignore);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
