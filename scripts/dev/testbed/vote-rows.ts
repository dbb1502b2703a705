import type { Sql } from '../../../src/database/open.ts';

export interface VoteRows {
  users: number;
  videos: number;
  /** Cast before the run, evenly, and counted. */
  votes?: number;
}

/** Users, public videos of a fifth of them, and votes, with the counters set as they have to be. Empties the tables first. */
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
  if (votes > 0) await castEvenly(sql, users, videos, votes);
  await sql`vacuum analyze`;
}

async function castEvenly(sql: Sql, users: number, videos: number, votes: number): Promise<void> {
  // Video n gets its votes from one user after the other, so that no pair comes twice; the first ones get the most.
  // Whom they name is there: to look for each of millions takes minutes.
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
    insert into votes (video_id, user_id)
    select video, 1 + (video + place) % ${users}::int
    from (
      select video, generate_series(1, least(${users}::int, (2.0 * ${votes}::int * (${videos}::int - video) / ${videos}::int / ${videos}::int)::int)) as place
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
