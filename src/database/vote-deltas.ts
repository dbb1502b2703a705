import { voteDeltasPerFlush } from '../limits.ts';
import type { AnySql, Sql } from './open.ts';

/**
 * Adds all deltas committed before this call to `users.votes` and deletes them, `voteDeltasPerFlush` rows in each transaction.
 * One transaction at a time flushes in the whole database: the second starts after the first has committed, so it misses
 * no delta that the first has taken. Users are locked by id, which is the order of every writer.
 */
export async function flushVoteDeltas(sql: Sql): Promise<void> {
  const [row] = await sql<{ has_deltas: boolean }[]>`select exists (select from vote_deltas) as has_deltas`;
  if (row?.has_deltas !== true) return;
  while ((await flushBatch(sql)) === voteDeltasPerFlush);
}

/**
 * Resolves to the number of rows flushed. Both statements are sent together and form one transaction, the second with a snapshot
 * of its own: the lock is never held while the database waits for a client. The lock's name is that of earlier releases, which
 * may run at the same time.
 */
async function flushBatch(sql: Sql): Promise<number> {
  const answers = await sql`
    select pg_advisory_xact_lock(hashtext('fold vote gains'));
    with taken as (
      delete from vote_deltas
      where ctid = any(array(select ctid from vote_deltas limit ${sql.unsafe(String(voteDeltasPerFlush))}))
      returning user_ids, votes
    ), sums as materialized (
      select delta.user_id, sum(delta.votes)::bigint as votes
      from taken cross join unnest(taken.user_ids, taken.votes) as delta (user_id, votes)
      group by delta.user_id
    ), owner as materialized (
      select id from users where id in (select user_id from sums) order by id for no key update
    ), updated as (
      update users set votes = greatest(users.votes + sums.votes, 0)
      from owner join sums on sums.user_id = owner.id
      where users.id = owner.id
    )
    select count(*) as flushed from taken`.simple();
  const [, [row]] = answers as unknown as [unknown, [{ flushed: number }]];
  return row.flushed;
}

/** Returns a subquery with the sum of the pending deltas of each user, for a join. */
export function pendingVoteDeltas(sql: AnySql) {
  return sql`(
    select delta.user_id, sum(delta.votes)::bigint as votes
    from vote_deltas cross join unnest(vote_deltas.user_ids, vote_deltas.votes) as delta (user_id, votes)
    group by delta.user_id
  )`;
}
