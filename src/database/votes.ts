import postgres from 'postgres';
import type { Sql } from './open.ts';

export type VoteOutcome = 'counted' | 'already_voted' | 'not_votable' | 'not_found' | 'unknown_voter';

export interface VoteRequest {
  readonly videoId: number;
  readonly userId: number;
  /** Of the voter's token, 0 unless said: no vote counts of one that was revoked. */
  readonly epoch?: number;
}

/**
 * Counts a batch of votes in one statement, so in one transaction; outcomes come in the order of `ballots`. Of equal ballots
 * the first is counted. One that cannot be counted never keeps another one from it.
 */
export async function castVotes(sql: Sql, ballots: readonly VoteRequest[]): Promise<VoteOutcome[]> {
  try {
    return await count(sql, ballots);
  } catch (error) {
    if (!isUnknownVoter(error)) throw error;
  }
  // A voter was deleted while the statement ran, and the foreign key has refused the batch as a whole: now the voter is gone.
  return count(sql, ballots);
}

/**
 * The contract's rules hold inside the statement. Videos are locked by id, the order that every writer keeps, and the counter
 * of each moves once however many votes it gains; what their owners gain is written down for a fold. What became of each
 * vote is only worked out, and sent back, when not all were counted.
 */
async function count(sql: Sql, ballots: readonly VoteRequest[]): Promise<VoteOutcome[]> {
  const videoIds = toArray(ballots, ({ videoId }) => videoId);
  const userIds = toArray(ballots, ({ userId }) => userId);
  const epochs = toArray(ballots, ({ epoch = 0 }) => epoch);
  const [row] = await sql<{ outcomes: VoteOutcome[] | null }[]>`
    with video as materialized (
      select id, user_id as owner_id, status in ('processed', 'public') as is_votable
      from videos where id = any(${videoIds}::bigint[])
      order by id for no key update
    ), counted as (
      insert into votes (video_id, user_id)
      select ballot.video_id, ballot.user_id
      from unnest(${videoIds}::bigint[], ${userIds}::bigint[], ${epochs}::integer[]) as ballot (video_id, user_id, epoch)
      join video on video.id = ballot.video_id and video.is_votable
      join users voter on voter.id = ballot.user_id and voter.token_epoch = ballot.epoch
      on conflict (video_id, user_id) do nothing
      returning video_id, user_id
    ), gained as materialized (
      select video.id as video_id, video.owner_id, count(*) as votes
      from counted join video on video.id = counted.video_id
      group by video.id, video.owner_id
    ), moved_videos as (
      update videos set votes = videos.votes + gained.votes from gained where videos.id = gained.video_id
    ), noted as (
      insert into vote_gains (user_ids, votes)
      select array_agg(owner_id), array_agg(votes) from gained having count(*) > 0
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
        with ordinality as ballot (video_id, user_id, epoch, place)
      left join users voter on voter.id = ballot.user_id and voter.token_epoch = ballot.epoch
      left join video on video.id = ballot.video_id
      left join counted on counted.video_id = ballot.video_id and counted.user_id = ballot.user_id
      order by ballot.place
    ) end as outcomes`;
  return row?.outcomes ? refuseRepeats(ballots, row.outcomes) : ballots.map(() => 'counted');
}

/** Text is what an array goes over the wire as; the driver's own way there looks at each element three times. */
function toArray(ballots: readonly VoteRequest[], read: (ballot: VoteRequest) => number): string {
  return `{${ballots.map(read).join(',')}}`;
}

/** The statement knows pairs, not ballots: it calls each of several equal ones counted. */
function refuseRepeats(ballots: readonly VoteRequest[], outcomes: readonly VoteOutcome[]): VoteOutcome[] {
  const counted = new Set<string>();
  return outcomes.map((outcome, i) => {
    if (outcome !== 'counted') return outcome;
    const pair = `${ballots[i]?.videoId}:${ballots[i]?.userId}`;
    if (counted.has(pair)) return 'already_voted';
    counted.add(pair);
    return 'counted';
  });
}

function isUnknownVoter(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.constraint_name === 'votes_user_id_fkey';
}
