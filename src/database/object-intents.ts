import type { AnySql } from './open.ts';

/**
 * Records the keys of objects before the objects are written. The transaction that makes a row name a key deletes its intent. An
 * intent older than the grace period belongs to a process that crashed. A sweep claims it by deleting it; a transaction that
 * comes later finds no intent and writes no row.
 */
export async function recordIntents(sql: AnySql, keys: string[]): Promise<void> {
  await sql`insert into object_intents (key) select unnest(${keys}::text[])`;
}

/** Deletes intents whose objects have been deleted or were never written. */
export async function forgetIntents(sql: AnySql, keys: string[]): Promise<void> {
  await sql`delete from object_intents where key = any(${keys}::text[])`;
}

/** Claims aged intents, oldest first, and resolves to their keys. Skips an intent that a running transaction is deleting. */
export async function claimAgedIntents(
  sql: AnySql,
  options: { graceSeconds: number; limit: number },
): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    delete from object_intents where key in (
      select key from object_intents
      where created_at < now() - ${options.graceSeconds}::float8 * interval '1 second'
      order by created_at
      limit ${options.limit}
      for update skip locked
    )
    returning key`;
  return rows.map((row) => row.key);
}

/** Resolves to the keys that `claimAgedIntents` would claim. */
export async function listAgedIntents(
  sql: AnySql,
  options: { graceSeconds: number; limit: number },
): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    select key from object_intents
    where created_at < now() - ${options.graceSeconds}::float8 * interval '1 second'
    order by created_at
    limit ${options.limit}`;
  return rows.map((row) => row.key);
}

/**
 * Deletes the intent and resolves to whether it existed. True means that no transaction has inserted a row for the key and none
 * can any more. Waits for a transaction that is about to.
 */
export async function claimIntent(sql: AnySql, key: string): Promise<boolean> {
  const rows = await sql`delete from object_intents where key = ${key}`;
  return rows.count > 0;
}

export async function hasIntent(sql: AnySql, key: string): Promise<boolean> {
  const rows = await sql`select 1 from object_intents where key = ${key}`;
  return rows.length > 0;
}
