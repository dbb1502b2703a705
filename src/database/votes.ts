import postgres from 'postgres';
import type { Sql } from './open.ts';

export type VoteOutcome = 'counted' | 'already_voted' | 'not_votable' | 'not_found' | 'unknown_voter';

export interface VoteRequest {
  readonly videoId: number;
  readonly userId: number;
  /** The epoch of the voter's token, 0 by default. A vote with a revoked token is not counted. */
  readonly epoch?: number;
}

/**
 * Inserts a batch of votes in one statement, and so in one transaction. Resolves to an outcome for each request, in their order.
 * Of equal requests the first is counted. A request that cannot be counted does not affect the others.
 */
export async function insertVotes(sql: Sql, requests: readonly VoteRequest[]): Promise<VoteOutcome[]> {
  try {
    return await insertBatch(sql, requests);
  } catch (error) {
    if (!isUnknownVoter(error)) throw error;
  }
  // A voter was deleted while the statement ran, and the foreign key has rejected the whole batch: now the voter is gone.
  return insertBatch(sql, requests);
}

/**
 * Inserts the votes, updates the counter of each video once and appends one row of deltas for the videos' owners. Videos are
 * locked by id, which is the order of every writer. The outcomes are computed and returned only when not all votes were counted.
 */
async function insertBatch(sql: Sql, requests: readonly VoteRequest[]): Promise<VoteOutcome[]> {
  const videoIds = toArray(requests, ({ videoId }) => videoId);
  const userIds = toArray(requests, ({ userId }) => userId);
  const epochs = toArray(requests, ({ epoch = 0 }) => epoch);
  const [row] = await sql<{ outcomes: VoteOutcome[] | null }[]>`
    with video as materialized (
      select id, user_id as owner_id, status in ('processed', 'public') as is_votable
      from videos where id = any(${videoIds}::bigint[])
      order by id for no key update
    ), counted as (
      insert into votes (video_id, user_id)
      select request.video_id, request.user_id
      from unnest(${videoIds}::bigint[], ${userIds}::bigint[], ${epochs}::integer[]) as request (video_id, user_id, epoch)
      join video on video.id = request.video_id and video.is_votable
      join users voter on voter.id = request.user_id and voter.token_epoch = request.epoch
      on conflict (video_id, user_id) do nothing
      returning video_id, user_id
    ), counts as materialized (
      select video.id as video_id, video.owner_id, count(*) as votes
      from counted join video on video.id = counted.video_id
      group by video.id, video.owner_id
    ), updated_videos as (
      update videos set votes = videos.votes + counts.votes from counts where videos.id = counts.video_id
    ), appended as (
      insert into vote_deltas (user_ids, votes)
      select array_agg(owner_id), array_agg(votes) from counts having count(*) > 0
    )
    select case when (select count(*) from counted) < cardinality(${videoIds}::bigint[]) then array(
      select case
        when voter.id is null then 'unknown_voter'
        when counted.video_id is not null then 'counted'
        when video.id is null then 'not_found'
        when video.is_votable then 'already_voted'
        else 'not_votable'
      end
      from unnest(${videoIds}::bigint[], ${userIds}::bigint[], ${epochs}::integer[])
        with ordinality as request (video_id, user_id, epoch, ordinal)
      left join users voter on voter.id = request.user_id and voter.token_epoch = request.epoch
      left join video on video.id = request.video_id
      left join counted on counted.video_id = request.video_id and counted.user_id = request.user_id
      order by request.ordinal
    ) end as outcomes`;
  return row?.outcomes ? rejectRepeats(requests, row.outcomes) : requests.map(() => 'counted');
}

/** Formats an array as PostgreSQL's text. The driver's own serializer visits each element three times. */
function toArray(requests: readonly VoteRequest[], read: (request: VoteRequest) => number): string {
  return `{${requests.map(read).join(',')}}`;
}

/** Marks repeated requests as `already_voted`: the statement works on distinct pairs and returns `counted` for each of them. */
function rejectRepeats(requests: readonly VoteRequest[], outcomes: readonly VoteOutcome[]): VoteOutcome[] {
  const counted = new Set<string>();
  return outcomes.map((outcome, i) => {
    if (outcome !== 'counted') return outcome;
    const pair = `${requests[i]?.videoId}:${requests[i]?.userId}`;
    if (counted.has(pair)) return 'already_voted';
    counted.add(pair);
    return 'counted';
  });
}

function isUnknownVoter(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.constraint_name === 'votes_user_id_fkey';
}
