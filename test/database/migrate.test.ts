import t, { type Test } from 'tap';
import { migrate } from '../../src/database/migrate.ts';
import { readMigrations } from '../../src/database/migration-files.ts';
import type { Sql } from '../../src/database/open.ts';
import { applyUpTo } from './apply-up-to.ts';
import { describeSchema } from './describe-schema.ts';
import { fillOlderSystem, ornateTables, plainTables } from './older-system.ts';
import { createEmptyDatabase, createMigratedDatabase } from './own-database.ts';

async function createOlderDatabase(t: Test, tables: string): Promise<Sql> {
  const { sql } = await createEmptyDatabase(t);
  await sql.unsafe(tables);
  await fillOlderSystem(sql);
  return sql;
}

const countRows = (sql: Sql) => sql`
  select (select count(*) from users) as users, (select count(*) from videos) as videos, (select count(*) from votes) as votes`;

for (const [name, tables] of Object.entries({ plainTables, ornateTables })) {
  t.test(`an older system's database (${name}) ends with the schema of an empty one`, async (t) => {
    const sql = await createOlderDatabase(t, tables);
    const { sql: fresh } = await createMigratedDatabase(t);
    await migrate(sql, { legacyTimeZone: 'America/Bogota' });
    const schema = await describeSchema(sql);
    t.ok((schema['column'] ?? []).length > 30, 'the schema is described');
    t.strictSame(schema, await describeSchema(fresh));
  });

  t.test(`an older system's database (${name}) keeps every row, and its times mean what they meant`, async (t) => {
    const sql = await createOlderDatabase(t, tables);
    const before = await readRows(sql);
    await migrate(sql, { legacyTimeZone: 'America/Bogota' });
    // Bogotá is five hours behind UTC all year round.
    t.strictSame(await readRows(sql, 'America/Bogota'), before);
    const [first] = await sql`
      select uploaded_at, processed_at, (select min(processed_at) from votes) as voted_at,
        (select min(created_at) from users) as signed_up_at
      from videos where id = 1`;
    t.strictSame(first, {
      uploaded_at: new Date('2025-03-03T01:30:00.654Z'),
      processed_at: new Date('2025-03-03T01:40:00.500Z'),
      voted_at: new Date('2025-03-05T04:15:01.000Z'),
      signed_up_at: new Date('2025-03-01T14:00:00.123Z'),
    });
  });
}

/** Times as text, to the microsecond: as they stand without a zone, or as clocks in `zone` and UTC show them. */
async function readRows(sql: Sql, zone?: string) {
  const text = (column: string, shownIn: string) =>
    zone === undefined ? sql`${sql(column)}::text` : sql`(${sql(column)} at time zone ${shownIn})::text`;
  const local = (column: string) => text(column, zone ?? '');
  return {
    users: await sql`
      select id, first_name, last_name, email, password_hash, city, country, ${local('created_at')} as created_at
      from users order by id`,
    videos: await sql`
      select id, title, status, user_id, ${local('uploaded_at')} as uploaded_at, ${text('processed_at', 'UTC')} as processed_at,
        original_url, processed_url, task_id
      from videos order by id`,
    votes: await sql`select id, video_id, user_id, ${local('processed_at')} as processed_at from votes order by id`,
  };
}

t.test('counters are filled from the votes, and every video begins a history', async (t) => {
  const sql = await createOlderDatabase(t, plainTables);
  await migrate(sql, { legacyTimeZone: 'UTC' });
  const counters = await sql<{ id: number; votes: number }[]>`select id, votes from users order by id`;
  t.strictSame(
    counters.map(({ votes }) => votes),
    Array.from({ length: 30 }, (_, index) => 30 - index),
  );
  t.same(await sql`select id from videos where votes <> (select count(*) from votes where video_id = videos.id)`, []);
  t.same(
    await sql`
      select v.id from videos v left join video_status_changes c on c.video_id = v.id
      where c.from_status is not null or c.to_status is distinct from v.status`,
    [],
  );
});

t.test('columns that an earlier release leaves empty are filled in, and no row is refused', async (t) => {
  const { sql } = await createEmptyDatabase(t);
  await sql.unsafe(ornateTables);
  await sql`insert into users (id, email, password_hash) values (7, 'a@example.com', 'x')`;
  await sql`
    insert into videos (title, status, user_id, uploaded_at, processed_url)
    values (null, null, 7, null, 'processed/processed_a.mp4'), ('b', null, 7, null, null)`;
  await sql`insert into votes (video_id, user_id, processed_at) values (1, 7, null)`;
  await migrate(sql, { legacyTimeZone: 'UTC' });
  t.same(await sql`select title, status, votes from videos order by id`, [
    { title: '', status: 'processed', votes: 1 },
    { title: 'b', status: 'uploaded', votes: 0 },
  ]);
  const [next] = await sql`
    insert into users (first_name, last_name, email, password_hash) values ('b', 'b', 'b@example.com', 'x') returning id`;
  t.equal(next?.['id'], 8, 'the sequence is not behind the rows');
});

t.test('an older writer goes on writing beside this release', async (t) => {
  const sql = await createOlderDatabase(t, ornateTables);
  await migrate(sql, { legacyTimeZone: 'UTC' });
  await sql`
    insert into users (first_name, last_name, email, password_hash, city, country, created_at)
    values ('Eva', 'Paz', 'eva@example.com', 'x', 'Cali', null, timestamp '2026-01-01 10:00')`;
  await sql`
    insert into videos (title, status, user_id, uploaded_at, processed_at, original_url, processed_url, task_id)
    values ('late', 'uploaded', 31, timestamp '2026-01-01 10:00', null, 'uploads/user_31_1.mp4', null, null)`;
  await sql`insert into votes (video_id, user_id, processed_at) values (91, 1, timestamp '2026-01-01 10:00')`;
  await sql`update videos set status = 'processed', processed_at = timestamp '2026-01-01 10:00', processed_url = 'x' where id = 91`;
  await sql`update videos set status = 'public' where id = 91`;
  t.match(await sql`select status from videos where id = 91`, [{ status: 'public' }]);
});

t.test('three instances that start at once migrate once', async (t) => {
  const sql = await createOlderDatabase(t, plainTables);
  const reports = await Promise.all([1, 2, 3].map(() => migrate(sql, { legacyTimeZone: 'UTC' })));
  const applied = reports.map((report) => report.applied.length).sort();
  t.strictSame(applied, [0, 0, (await sql`select from schema_migrations`).length]);
  t.ok((applied[2] ?? 0) > 0);
  t.same(
    await sql`select from pg_locks join pg_database d on d.oid = database where locktype = 'advisory' and datname = current_database()`,
    [],
    'the lock is released',
  );
  t.match(await sql`show lock_timeout`, [{ lock_timeout: '3s' }], 'the connection is as it was');
});

t.test('a dry run says what would change, and changes nothing', async (t) => {
  const sql = await createOlderDatabase(t, plainTables);
  const before = { schema: await describeSchema(sql), rows: await countRows(sql), files: await readFiles(sql) };
  const report = await migrate(sql, { legacyTimeZone: 'America/Bogota', dryRun: true });
  t.strictSame({ schema: await describeSchema(sql), rows: await countRows(sql), files: await readFiles(sql) }, before);
  t.strictSame(
    report.tables.map(({ table, rows, rewritten }) => ({ table, rows, rewritten })),
    [
      { table: 'users', rows: 30, rewritten: true },
      { table: 'videos', rows: 90, rewritten: true },
      { table: 'votes', rows: 465, rewritten: true },
    ],
  );
  t.has(report.columns, [{ table: 'users', column: 'id', from: 'integer', to: 'bigint' }]);
  t.match(
    report.columns.filter(({ column }) => column === 'processed_at').map(({ to }) => to),
    [/read as UTC$/, /read as America\/Bogota$/],
  );
  const { applied } = await migrate(sql, { legacyTimeZone: 'America/Bogota' });
  t.strictSame(
    report.pending.map(({ name }) => name),
    applied.map(({ name }) => name),
  );
  t.ok(report.pending.every(({ summary }) => summary.length > 20));
  const nothingLeft = await migrate(sql, { legacyTimeZone: 'America/Bogota', dryRun: true });
  t.strictSame(nothingLeft.pending, []);
  t.strictSame(nothingLeft.columns, []);
});

t.test('exactly the tables are rewritten that a migration declares', async (t) => {
  const sql = await createOlderDatabase(t, plainTables);
  const rewritten: Record<string, string[]> = {};
  let before = await readFiles(sql);
  const declared: Record<string, string[]> = {};
  const { pending } = await migrate(sql, { legacyTimeZone: 'UTC', dryRun: true });
  for (const { name, rewrites } of await readMigrations()) if (rewrites.length > 0) declared[name] = rewrites;
  for (const { name } of pending) {
    await applyUpTo(sql, name);
    const after = await readFiles(sql);
    const changed = Object.keys(before).filter((table) => before[table] !== after[table]);
    if (changed.length > 0) rewritten[name] = changed;
    before = after;
  }
  t.strictSame(rewritten, declared);
});

async function readFiles(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ name: string; file: number }[]>`
    select relname as name, relfilenode as file from pg_class where relname in ('users', 'videos', 'votes') order by relname`;
  return Object.fromEntries(rows.map(({ name, file }) => [name, file]));
}

t.test('a zone that is none is refused before anything changes', async (t) => {
  const sql = await createOlderDatabase(t, plainTables);
  for (const dryRun of [true, false]) {
    await t.rejects(migrate(sql, { legacyTimeZone: 'Bogota5', dryRun }), { message: /LEGACY_TIME_ZONE.*"Bogota5"/ });
  }
  t.match(
    await sql`select data_type from information_schema.columns where table_name = 'users' and column_name = 'id'`,
    [{ data_type: 'integer' }],
  );
});

t.test('a migration that fails changes nothing, says which it is, and can be tried again', async (t) => {
  const { sql } = await createEmptyDatabase(t);
  await sql.unsafe(plainTables);
  await sql`alter table votes drop constraint votes_video_id_user_id_key`;
  await sql`insert into users (first_name, last_name, email, password_hash) values ('a', 'a', 'a@example.com', 'x')`;
  await sql`insert into videos (title, status, user_id) values ('a', 'public', 1)`;
  await sql`insert into votes (video_id, user_id) values (1, 1), (1, 1)`;
  await t.rejects(migrate(sql, { legacyTimeZone: 'UTC' }), { message: /0002_take_over .*votes_video_id_user_id_key/ });
  t.match(await countRows(sql), [{ users: 1, videos: 1, votes: 2 }]);
  await sql`delete from votes where id = 2`;
  const { applied } = await migrate(sql, { legacyTimeZone: 'UTC' });
  t.equal(applied[0]?.name, '0002_take_over');
});

t.test('an edited migration is refused, one of a later release is left alone', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await sql`insert into schema_migrations (name, sha256) values ('9999_later', 'x')`;
  t.strictSame((await migrate(sql, { legacyTimeZone: 'UTC' })).applied, []);
  await sql`update schema_migrations set sha256 = 'x' where name = '0001_tables'`;
  await t.rejects(migrate(sql, { legacyTimeZone: 'UTC' }), { message: /0001_tables .*edited/ });
});
