import type { AnySql } from './open.ts';

/**
 * A key is written here before its object is; the transaction that makes a row name the key takes the intent away. An
 * intent that outlives the grace period belongs to something that crashed, and a sweep claims it by taking it away:
 * whoever comes too late finds no intent and gives up.
 */
export async function recordIntents(sql: AnySql, keys: string[]): Promise<void> {
  await sql`insert into object_intents (key) select unnest(${keys}::text[])`;
}

/** After the object is gone, or was never made. */
export async function forgetIntents(sql: AnySql, keys: string[]): Promise<void> {
  await sql`delete from object_intents where key = any(${keys}::text[])`;
}

/** Oldest first. An intent that a transaction is taking away at this moment is left to it. */
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

/** What `claimAgedIntents` would claim. */
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
 * True when the intent was still there: then no transaction has made a row of it, and none can any more. Waits for one
 * that is about to.
 */
export async function claimIntent(sql: AnySql, key: string): Promise<boolean> {
  const rows = await sql`delete from object_intents where key = ${key}`;
  return rows.count > 0;
}

export async function hasIntent(sql: AnySql, key: string): Promise<boolean> {
  const rows = await sql`select 1 from object_intents where key = ${key}`;
  return rows.length > 0;
}
