import { voteDeltasPerFlush } from '../limits.ts';
import type { AnySql, Sql } from './open.ts';

/**
 * Moves the users' counters by whatever was committed as their gain (or, with a deleted video, their loss) before this call,
 * each counter once a step. One step at a time in the whole database: who comes second begins when the first has been
 * committed, and so misses nothing that the first has taken. Users are locked by id, as everywhere.
 */
export async function flushVoteDeltas(sql: Sql): Promise<void> {
  const [row] = await sql<{ has_gains: boolean }[]>`select exists (select from vote_gains) as has_gains`;
  if (row?.has_gains !== true) return;
  while ((await foldSome(sql)) === voteDeltasPerFlush);
}

/**
 * Resolves to how many notes were folded. Both statements go out together and are one transaction, the second with a snapshot
 * of its own: the lock is never held while the database waits for a client.
 */
async function foldSome(sql: Sql): Promise<number> {
  const answers = await sql`
    select pg_advisory_xact_lock(hashtext('fold vote gains'));
    with taken as (
      delete from vote_gains
      where ctid = any(array(select ctid from vote_gains limit ${sql.unsafe(String(voteDeltasPerFlush))}))
      returning user_ids, votes
    ), sums as materialized (
      select gain.user_id, sum(gain.votes)::bigint as votes
      from taken cross join unnest(taken.user_ids, taken.votes) as gain (user_id, votes)
      group by gain.user_id
    ), owner as materialized (
      select id from users where id in (select user_id from sums) order by id for no key update
    ), moved as (
      update users set votes = greatest(users.votes + sums.votes, 0)
      from owner join sums on sums.user_id = owner.id
      where users.id = owner.id
    )
    select count(*) as notes from taken`.simple();
  const [, [row]] = answers as unknown as [unknown, [{ notes: number }]];
  return row.notes;
}

/** What each user has gained and his counter does not have yet, to be joined. */
export function pendingVoteDeltas(sql: AnySql) {
  return sql`(
    select gain.user_id, sum(gain.votes)::bigint as votes
    from vote_gains cross join unnest(vote_gains.user_ids, vote_gains.votes) as gain (user_id, votes)
    group by gain.user_id
  )`;
}
