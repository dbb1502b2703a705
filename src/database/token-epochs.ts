import { tokenRevocationsKeptSeconds } from '../limits.ts';
import type { AnySql } from './open.ts';

/** Resolves to the epoch of the user's tokens, or to undefined when the user does not exist. */
export async function findTokenEpoch(sql: AnySql, userId: number): Promise<number | undefined> {
  const [row] = await sql<{ token_epoch: number }[]>`select token_epoch from users where id = ${userId}`;
  return row?.token_epoch;
}

export interface TokenRevocation {
  user_id: number;
  /** Tokens of an earlier epoch are invalid. */
  epoch: number;
}

/** Revokes all tokens of the user. Resolves to the epoch of new ones, or to undefined when the user does not exist. */
export async function revokeTokens(sql: AnySql, userId: number): Promise<number | undefined> {
  const [row] = await sql<{ epoch: number }[]>`
    with revoked as (
      update users set token_epoch = token_epoch + 1 where id = ${userId} returning id, token_epoch
    ), listed as (
      insert into token_revocations (user_id, epoch) select id, token_epoch from revoked
    ), ${forgetOldRevocations(sql)}
    select token_epoch as epoch from revoked`;
  return row?.epoch;
}

/**
 * Replaces the password and revokes all tokens. Resolves to the epoch of new ones, or to undefined when the stored hash is no longer
 * the verified one, so that the second of two concurrent changes is refused.
 */
export async function changePasswordHash(
  sql: AnySql,
  change: { id: number; oldHash: string; newHash: string },
): Promise<number | undefined> {
  const [row] = await sql<{ epoch: number }[]>`
    with changed as (
      update users set password_hash = ${change.newHash}, token_epoch = token_epoch + 1
      where id = ${change.id} and password_hash = ${change.oldHash}
      returning id, token_epoch
    ), listed as (
      insert into token_revocations (user_id, epoch) select id, token_epoch from changed
    ), ${forgetOldRevocations(sql)}
    select token_epoch as epoch from changed`;
  return row?.epoch;
}

/** Resolves to the revocations of the last `seconds`. Reads by time, because ids become visible out of order. */
export async function listTokenRevocations(sql: AnySql, seconds: number): Promise<TokenRevocation[]> {
  return sql<TokenRevocation[]>`
    select user_id, max(epoch) as epoch from token_revocations
    where revoked_at > now() - ${seconds}::float8 * interval '1 second'
    group by user_id`;
}

/** Returns a CTE for the statement that inserts a revocation: it deletes those that no process reads any more. */
export function forgetOldRevocations(sql: AnySql) {
  return sql`forgotten as (
    delete from token_revocations
    where revoked_at < now() - ${tokenRevocationsKeptSeconds}::float8 * interval '1 second'
  )`;
}
