import t from 'tap';
import { readMigrations } from '../../src/database/migration-files.ts';
import type { Sql } from '../../src/database/open.ts';
import { applyUpTo } from './apply-up-to.ts';
import { describeSchema } from './describe-schema.ts';
import { createEmptyDatabase } from './own-database.ts';

/** The first schema of this service; earlier migrations take over an older system's tables. */
const first = '0004_counters_and_work';

/** Tables that a migration renames. A view keeps the former name for earlier releases. */
const renamed: Record<string, { from: string; to: string }> = {
  '0011_vote_deltas': { from: 'vote_gains', to: 'vote_deltas' },
};

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
    const rename = renamed[name];
    if (rename !== undefined) t.strictSame(await describeView(sql, rename.from), await describeView(sql, rename.to));
    const follow = (line: string) => (rename === undefined ? line : line.replace(rename.from, rename.to));
    for (const kind of ['column', 'status', 'constraint']) {
      const gone = (before[kind] ?? []).map(follow).filter((line) => !after[kind]?.includes(line));
      t.strictSame(gone, [], `${name} takes no ${kind} away and changes none`);
    }
    t.strictSame(await listDemanding(sql, tables), [], `${name}: a row of an earlier release lacks nothing`);
  }
});

/** Columns that a table or view takes from an INSERT. */
async function describeView(sql: Sql, name: string): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select concat_ws(' ', column_name, udt_name) as line from information_schema.columns
    where table_schema = current_schema() and table_name = ${name} and is_updatable = 'YES' order by 1`;
  return rows.map(({ line }) => line);
}

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
  'vote_deltas.user_ids',
  'vote_deltas.votes',
];

async function listTables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = current_schema()`;
  return rows.map(({ name }) => name);
}
