import type { Sql } from '../../../src/database/open.ts';

export interface VoteRows {
  users: number;
  videos: number;
  /** Votes inserted before the run and included in the counters. */
  votes?: number;
}

/** Empties the tables, then inserts users, public videos of a fifth of them, and votes with matching counters. */
export async function fillVoteRows(sql: Sql, { users, videos, votes = 0 }: VoteRows): Promise<void> {
  await sql`truncate users, videos, votes, vote_deltas, video_status_changes restart identity cascade`;
  await sql`
    insert into users (first_name, last_name, email, password_hash, city)
    select 'First' || n, 'Last' || n, 'user-' || n || '@example.com', 'none',
      (array['Bogotá', 'Medellín', 'Cali', 'Barranquilla', 'Cartagena'])[1 + n % 5]
    from generate_series(1, ${users}::int) as n`;
  await sql`
    insert into videos (title, status, user_id, uploaded_at)
    select 'Video ' || n, 'public', 1 + (n * 7) % greatest(${users}::int / 5, 1), now() - n * interval '1 second'
    from generate_series(1, ${videos}::int) as n`;
  if (votes > 0) await insertVotes(sql, users, videos, votes);
  await sql`vacuum analyze`;
}

async function insertVotes(sql: Sql, users: number, videos: number, votes: number): Promise<void> {
  // Video n gets votes from consecutive users, so that no pair occurs twice. The first videos get the most.
  // Foreign keys are not checked, because that takes minutes for millions of rows.
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
    insert into votes (video_id, user_id)
    select video, 1 + (video + nth) % ${users}::int
    from (
      select video, generate_series(1, least(${users}::int, (2.0 * ${votes}::int * (${videos}::int - video) / ${videos}::int / ${videos}::int)::int)) as nth
      from generate_series(1, ${videos}::int) as video
    ) as pairs`;
  });
  await sql`
    update videos set votes = counted.votes
    from (select video_id, count(*) as votes from votes group by video_id) as counted where counted.video_id = videos.id`;
  await sql`
    update users set votes = counted.votes
    from (select user_id, sum(votes)::bigint as votes from videos group by user_id) as counted where counted.user_id = users.id`;
}
