import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readMigrations } from '../../src/database/migration-files.ts';
import { fillOlderSystem, plainTables } from '../database/older-system.ts';
import { createEmptyDatabase } from '../database/own-database.ts';
import { runScript } from './run-script.ts';

t.test('a dry run prints the changes and the rows, and changes nothing', async (t) => {
  const { sql, url } = await createEmptyDatabase(t);
  await sql.unsafe(plainTables);
  await fillOlderSystem(sql);
  const settings = { DATABASE_URL: url, LEGACY_TIME_ZONE: 'America/Bogota' };
  const { code, stdout, stderr } = await runScript('ops/migrate', ['--dry-run'], settings);
  t.equal(code, 0, stderr);
  for (const { name } of await readMigrations()) t.match(stdout, `  ${name}: `);
  t.match(stdout, 'users.id: integer -> bigint');
  t.match(
    stdout,
    'videos.uploaded_at: timestamp without time zone -> timestamp with time zone, read as America/Bogota',
  );
  t.match(stdout, 'videos.processed_at: timestamp without time zone -> timestamp with time zone, read as UTC');
  t.match(stdout, /^ {2}votes: 465 rows, .* MiB, rewritten under an exclusive lock$/m);
  t.match(await sql`select to_regclass('schema_migrations') as found`, [{ found: null }]);
});

t.test('migrations are applied once, and --json prints data', async (t) => {
  const { url } = await createEmptyDatabase(t);
  const first = await runScript('ops/migrate', [], { DATABASE_URL: url });
  t.match(first, { code: 0, stdout: /^0001_tables applied in \d+ ms$/m, stderr: '' });
  const second = await runScript('ops/migrate', ['--json'], { DATABASE_URL: url });
  t.strictSame(JSON.parse(second.stdout), { dryRun: false, applied: [], pending: [], tables: [], columns: [] });
});

t.test('without a setting the database of the running service is used', async (t) => {
  const { url } = await createEmptyDatabase(t);
  const dataDir = t.testdir();
  writeFileSync(join(dataDir, 'run.json'), JSON.stringify({ databaseUrl: url }));
  const { code, stdout } = await runScript('ops/migrate', ['--dry-run', '--json'], { DATA_DIR: dataDir });
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { dryRun: true, tables: [], pending: [{ name: '0001_tables' }] });
});

t.test('an error is one sentence', async (t) => {
  const dataDir = t.testdir();
  const nothing = await runScript('ops/migrate', [], { DATA_DIR: dataDir });
  t.match(nothing, {
    code: 2,
    stdout: '',
    stderr: /^Expected DATABASE_URL to be set or a service to be running .*\n$/,
  });
  const refused = await runScript('ops/migrate', [], { DATABASE_URL: 'postgres://127.0.0.1:1/none' });
  t.match(refused, { code: 2, stdout: '', stderr: /^.*ECONNREFUSED.*\n$/ });
});
