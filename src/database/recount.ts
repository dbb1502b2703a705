import { differencesListedMax, standingsListedMax } from '../limits.ts';
import { type AnySql, inTransaction, type Sql } from './open.ts';
import { pendingVoteDeltas } from './vote-deltas.ts';

export interface Recount {
  asOf: Date;
  /** The number of votes up to `asOf`, and after it. */
  votes: number;
  laterVotes: number;
  /** The top of the ranking by the votes up to `asOf`. */
  standings: Standing[];
  /** The first counters that differ from the votes; `differing` is the number of all of them. */
  differences: CounterDifference[];
  differing: number;
}

export interface Standing {
  position: number;
  user_id: number;
  username: string;
  votes: number;
}

export interface CounterDifference {
  counter: 'videos.votes' | 'users.votes';
  id: number;
  served: number;
  counted: number;
}

/**
 * Counts the votes in one snapshot and compares the counters with them. A vote's transaction updates its video's counter and
 * appends its owner's delta. In any snapshot a video's votes therefore equal its counter, and a user's votes equal the counter
 * plus the pending deltas. The counters are always compared with all votes, whatever `asOf`.
 */
export async function recount(sql: Sql, options: { asOf?: Date | undefined } = {}): Promise<Recount> {
  return inTransaction(sql, async (tx) => {
    await tx`set transaction isolation level repeatable read read only`;
    const [total] = await tx<{ as_of: Date; votes: number; later_votes: number }[]>`
      select ${options.asOf === undefined ? tx`now()` : moment(tx, options.asOf)} as as_of,
        count(*) filter (where processed_at <= ${moment(tx, options.asOf)}) as votes,
        count(*) filter (where processed_at > ${moment(tx, options.asOf)}) as later_votes
      from votes`;
    const differences = await tx<(CounterDifference & { differing: number })[]>`
      select *, count(*) over () as differing from (${differingCounters(tx)}) as d
      order by counter desc, id
      limit ${differencesListedMax}`;
    return {
      asOf: total?.as_of ?? new Date(),
      votes: total?.votes ?? 0,
      laterVotes: total?.later_votes ?? 0,
      standings: await countStandings(tx, options.asOf),
      differences: differences.map(({ counter, id, served, counted }) => ({ counter, id, served, counted })),
      differing: differences[0]?.differing ?? 0,
    };
  });
}

async function countStandings(sql: AnySql, asOf: Date | undefined): Promise<Standing[]> {
  return sql<Standing[]>`
    select row_number() over (order by coalesce(counted.votes, 0) desc, users.id) as position, users.id as user_id,
      first_name || ' ' || last_name as username, coalesce(counted.votes, 0) as votes
    from users left join (
      select videos.user_id, count(*) as votes
      from votes join videos on videos.id = votes.video_id
      where votes.processed_at <= ${moment(sql, asOf)}
      group by videos.user_id
    ) as counted on counted.user_id = users.id
    order by position
    limit ${standingsListedMax}`;
}

function differingCounters(sql: AnySql) {
  return sql`
    with by_video as materialized (select video_id, count(*) as votes from votes group by video_id),
    by_user as (
      select videos.user_id, sum(by_video.votes)::bigint as votes
      from by_video join videos on videos.id = by_video.video_id group by videos.user_id
    )
    select 'videos.votes' as counter, videos.id, videos.votes as served, coalesce(by_video.votes, 0) as counted
    from videos left join by_video on by_video.video_id = videos.id
    where videos.votes <> coalesce(by_video.votes, 0)
    union all
    select 'users.votes', users.id, users.votes + coalesce(pending.votes, 0), coalesce(by_user.votes, 0)
    from users left join by_user on by_user.user_id = users.id
      left join ${pendingVoteDeltas(sql)} as pending on pending.user_id = users.id
    where users.votes + coalesce(pending.votes, 0) <> coalesce(by_user.votes, 0)`;
}

/** Returns `asOf`, or infinity for "now": a vote's timestamp can be slightly ahead of this transaction's. */
function moment(sql: AnySql, asOf: Date | undefined) {
  return asOf === undefined ? sql`'infinity'::timestamptz` : sql`${asOf}::timestamptz`;
}
