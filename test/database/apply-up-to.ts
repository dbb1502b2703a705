import { migrate } from '../../src/database/migrate.ts';
import type { Sql } from '../../src/database/open.ts';

/** Migrates up to and including one migration, and stops the run there by an error. */
export async function applyUpTo(sql: Sql, name: string): Promise<void> {
  const stop = new Error('far enough');
  const onApplied = (applied: { name: string }) => {
    if (applied.name === name) throw stop;
  };
  await migrate(sql, { legacyTimeZone: 'UTC', onApplied }).catch((error: unknown) => {
    if (error !== stop) throw error;
  });
}
