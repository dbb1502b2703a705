import { parseArgs } from 'node:util';
import { type MigrationReport, migrate } from '../../src/database/migrate.ts';
import { runCommand } from '../lib/run-command.ts';
import { withDatabase } from '../lib/with-database.ts';

/** Migrates the database to the schema of this release. A dry run prints the changes. */
await runCommand('npm run migrate [-- --dry-run] [--json]', async () => {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } } });
  const dryRun = values['dry-run'] ?? false;
  const say = values.json ? () => {} : (line: string) => process.stdout.write(`${line}\n`);
  const report = await withDatabase('migrate', (sql, legacyTimeZone) =>
    migrate(sql, {
      legacyTimeZone,
      dryRun,
      onApplied: ({ name, milliseconds }) => say(`${name} applied in ${milliseconds} ms`),
    }),
  );
  if (values.json) process.stdout.write(`${JSON.stringify({ dryRun, ...report })}\n`);
  else for (const line of dryRun ? describePreview(report) : describeResult(report)) say(line);
  return 0;
});

function describeResult(report: MigrationReport): string[] {
  return [report.applied.length === 0 ? 'Nothing to do: the schema is up to date.' : 'The schema is up to date.'];
}

function describePreview({ pending, tables, columns }: MigrationReport): string[] {
  const counts = tables.map(
    ({ table, rows, bytes, rewritten }) =>
      `  ${table}: ${rows} rows, ${(bytes / 1024 / 1024).toFixed(1)} MiB${rewritten ? ', rewritten under an exclusive lock' : ''}`,
  );
  const rowsBefore = tables.length === 0 ? ['There are no tables yet.'] : ['Rows, all of which are kept:', ...counts];
  if (pending.length === 0) return ['Nothing to do: the schema is up to date.', ...rowsBefore];
  return [
    'Would apply:',
    ...pending.map(({ name, summary }) => `  ${name}: ${summary}`),
    ...(columns.length === 0 ? [] : ['Columns that change:']),
    ...columns.map(({ table, column, from, to }) => `  ${table}.${column}: ${from} -> ${to}`),
    ...rowsBefore,
    'Dry run: nothing was changed.',
  ];
}
