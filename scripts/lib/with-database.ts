import { openDatabase, type Sql } from '../../src/database/open.ts';
import { toolStatementTimeoutMs } from '../../src/limits.ts';
import { readSettings } from '../../src/settings.ts';
import { expectRunFile } from './run-file.ts';

/** Opens the database that the settings name, else that of the service that runs from DATA_DIR, and closes it after `use`. */
export async function withDatabase<T>(
  applicationName: string,
  use: (sql: Sql, legacyTimeZone: string) => Promise<T>,
): Promise<T> {
  const values = await readSettings(process.env);
  const databaseUrl = values['DATABASE_URL'] || (await expectRunFile(process.env)).databaseUrl;
  const nextPassword = values['DATABASE_PASSWORD_NEXT'] || undefined;
  const options = { applicationName, connections: 1, nextPassword };
  return withSql(databaseUrl, options, (sql) => use(sql, values['LEGACY_TIME_ZONE'] || 'UTC'));
}

export async function withSql<T>(
  databaseUrl: string,
  options: { applicationName: string; connections: number; nextPassword: string | undefined },
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = openDatabase(databaseUrl, { ...options, statementTimeoutMs: toolStatementTimeoutMs });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
