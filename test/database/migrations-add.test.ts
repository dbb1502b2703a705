import t from 'tap';
import { readMigrations } from '../../src/database/migration-files.ts';
import type { Sql } from '../../src/database/open.ts';
import { applyUpTo } from './apply-up-to.ts';
import { describeSchema } from './describe-schema.ts';
import { createEmptyDatabase } from './own-database.ts';

/** The first schema of this service; earlier migrations take over an older system's tables. */
const first = '0004_counters_and_work';

t.test('a later migration only adds: an earlier release finds all that it knew, and its rows go in', async (t) => {
  const { sql } = await createEmptyDatabase(t);
  const names = (await readMigrations()).map(({ name }) => name);
  const later = names.slice(names.indexOf(first) + 1);
  t.ok(names.includes(first) && later.length > 0);
  await applyUpTo(sql, first);
  for (const name of later) {
    const before = await describeSchema(sql);
    const tables = await listTables(sql);
    await applyUpTo(sql, name);
    const after = await describeSchema(sql);
    for (const kind of ['column', 'status', 'constraint']) {
      const gone = (before[kind] ?? []).filter((line) => !after[kind]?.includes(line));
      t.strictSame(gone, [], `${name} takes no ${kind} away and changes none`);
    }
    t.strictSame(await listDemanding(sql, tables), [], `${name}: a row of an earlier release lacks nothing`);
  }
});

/** Columns that an INSERT has to name. */
async function listDemanding(sql: Sql, tables: readonly string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = current_schema() and table_name = any(${tables as string[]}) and is_nullable = 'NO'
      and column_default is null and is_generated = 'NEVER' and is_identity = 'NO'`;
  return rows.map(({ name }) => name).filter((name) => !knownDemanding.includes(name));
}

/** Those that every release names. */
const knownDemanding = [
  'users.first_name',
  'users.last_name',
  'users.email',
  'users.password_hash',
  'videos.title',
  'videos.status',
  'videos.user_id',
  'votes.video_id',
  'votes.user_id',
  'schema_migrations.name',
  'schema_migrations.sha256',
  'object_intents.key',
  'video_status_changes.video_id',
  'video_status_changes.to_status',
];

async function listTables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema()`;
  return rows.map(({ name }) => name);
}
