import { randomUUID } from 'node:crypto';
import type { Test } from 'tap';
import type { Sql } from '../../src/database/open.ts';
import { createDatabase, dropDatabase, openTestDatabase } from '../support/database.ts';

export interface OwnDatabase {
  url: string;
  sql: Sql;
}

/** Creates an empty database that is dropped when the test ends. */
export function createEmptyDatabase(t: Test): Promise<OwnDatabase> {
  return openOwn(t, false);
}

export function createMigratedDatabase(t: Test): Promise<OwnDatabase> {
  return openOwn(t, true);
}

async function openOwn(t: Test, isMigrated: boolean): Promise<OwnDatabase> {
  const name = `test-${randomUUID()}`;
  const url = await createDatabase(name, isMigrated);
  const sql = openTestDatabase(url, 4);
  t.teardown(async () => {
    await sql.end({ timeout: 5 });
    await dropDatabase(name);
  });
  return { url, sql };
}
