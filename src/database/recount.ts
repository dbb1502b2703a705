import { differencesListedMax, standingsListedMax } from '../limits.ts';
import type { AnySql, Sql } from './open.ts';
import { pendingVoteDeltas } from './vote-deltas.ts';

export interface Recount {
  asOf: Date;
  /** Votes cast up to `asOf`, and after it. */
  votes: number;
  laterVotes: number;
  /** The first of the ranking as the votes up to `asOf` alone make it. */
  standings: Standing[];
  /** Counters that do not say what the votes say, the first of them; `differing` counts all. */
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
 * Counts the votes again, at one moment of the database, and holds the counters against them. A vote's transaction moves its
 * video's counter and notes its owner's gain, so at any one moment the votes equal the counters, a user's together with the
 * notes that wait; whatever `asOf`, the counters are held against all votes.
 */
export async function recount(sql: Sql, options: { asOf?: Date | undefined } = {}): Promise<Recount> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
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
    select 'users.votes', users.id, users.votes + coalesce(waiting.votes, 0), coalesce(by_user.votes, 0)
    from users left join by_user on by_user.user_id = users.id
      left join ${pendingVoteDeltas(sql)} as waiting on waiting.user_id = users.id
    where users.votes + coalesce(waiting.votes, 0) <> coalesce(by_user.votes, 0)`;
}

/** Votes can be written under a clock a little ahead of this transaction's, so "now" is without end. */
function moment(sql: AnySql, asOf: Date | undefined) {
  return asOf === undefined ? sql`'infinity'::timestamptz` : sql`${asOf}::timestamptz`;
}
