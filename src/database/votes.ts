import type { AnySql } from './open.ts';

export type VoteOutcome = 'counted' | 'already_voted' | 'not_votable' | 'not_found' | 'unknown_voter';

export interface Ballot {
  readonly videoId: number;
  readonly userId: number;
}

/**
 * Counts a batch of votes in one statement, so in one transaction: answers come in the order of `ballots`, which must
 * not hold the same pair twice. The contract's rules hold inside the statement. Rows are locked in the order that every
 * writer keeps (videos by id, then users by id), and each counter moves once however many votes it gains.
 */
export async function castVotes(sql: AnySql, ballots: readonly Ballot[]): Promise<VoteOutcome[]> {
  const videoIds = ballots.map((ballot) => ballot.videoId);
  const userIds = ballots.map((ballot) => ballot.userId);
  const rows = await sql<{ outcome: VoteOutcome }[]>`
    with ballot as materialized (
      select video_id, user_id, ordinality
      from unnest(${videoIds}::bigint[], ${userIds}::bigint[]) with ordinality as t (video_id, user_id, ordinality)
    ), video as materialized (
      select id, user_id as owner_id, status in ('processed', 'public') as is_votable
      from videos where id = any(${videoIds}::bigint[])
      order by id for no key update
    ), admitted as materialized (
      select b.video_id, b.user_id, v.owner_id
      from ballot b
      join video v on v.id = b.video_id and v.is_votable
      join users u on u.id = b.user_id
    ), counted as materialized (
      insert into votes (video_id, user_id)
      select video_id, user_id from admitted order by video_id, user_id
      on conflict (video_id, user_id) do nothing
      returning video_id, user_id
    ), owner as materialized (
      select u.id from users u
      where u.id in (select v.owner_id from video v where v.id in (select video_id from counted))
      order by u.id for no key update
    ), moved_videos as (
      update videos v set votes = v.votes + c.gained
      from (select video_id, count(*) as gained from counted group by video_id) c
      where v.id = c.video_id
    ), moved_users as (
      update users u set votes = u.votes + c.gained
      from (
        select v.owner_id, count(*) as gained
        from counted join video v on v.id = counted.video_id
        group by v.owner_id
      ) c
      where u.id = c.owner_id and u.id in (select id from owner)
    )
    select case
      when c.video_id is not null then 'counted'
      when v.id is null then 'not_found'
      when not v.is_votable then 'not_votable'
      when a.video_id is null then 'unknown_voter'
      else 'already_voted'
    end as outcome
    from ballot b
    left join video v on v.id = b.video_id
    left join admitted a on a.video_id = b.video_id and a.user_id = b.user_id
    left join counted c on c.video_id = b.video_id and c.user_id = b.user_id
    order by b.ordinality`;
  return rows.map((row) => row.outcome);
}
