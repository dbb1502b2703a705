import { tokenRevocationsKeptSeconds } from '../limits.ts';
import type { AnySql } from './open.ts';

/** Undefined when there is no such user. */
export async function findTokenEpoch(sql: AnySql, userId: number): Promise<number | undefined> {
  const [row] = await sql<{ token_epoch: number }[]>`select token_epoch from users where id = ${userId}`;
  return row?.token_epoch;
}

export interface TokenRevocation {
  user_id: number;
  /** Tokens of an earlier epoch are invalid. */
  epoch: number;
}

/** Ends all tokens of the user. Returns the epoch of those issued from now on; undefined when there is no such user. */
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
 * Replaces the password and ends all tokens. Returns the epoch of those issued from now on; undefined when the hash is no
 * longer the one that was verified, so that of two changes at once the second is refused.
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

/** The revocations of the last `seconds`. Read by time, not by id: ids become visible out of order. */
export async function listTokenRevocations(sql: AnySql, seconds: number): Promise<TokenRevocation[]> {
  return sql<TokenRevocation[]>`
    select user_id, max(epoch) as epoch from token_revocations
    where revoked_at > now() - ${seconds}::float8 * interval '1 second'
    group by user_id`;
}

/** A step of the statement that lists a new revocation: removes those that no process needs any more. */
export function forgetOldRevocations(sql: AnySql) {
  return sql`forgotten as (
    delete from token_revocations
    where revoked_at < now() - ${tokenRevocationsKeptSeconds}::float8 * interval '1 second'
  )`;
}
