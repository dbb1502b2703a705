import t from 'tap';
import type { Sql } from '../../src/database/open.ts';
import { recount } from '../../src/database/recount.ts';
import { repairCounters } from '../../src/database/repair-counters.ts';
import { flushVoteDeltas } from '../../src/database/vote-deltas.ts';
import { insertVotes } from '../../src/database/votes.ts';
import { countersPerRepairBatch } from '../../src/limits.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makePublicVideo, makeUser } from './some-rows.ts';

/** Two owners with a video each, and a third user; the first video has two votes, the second one. */
async function makeStandings(sql: Sql) {
  const users = [await makeUser(sql), await makeUser(sql), await makeUser(sql)];
  const [a = 0, b = 0, c = 0] = users;
  const first = await makePublicVideo(sql, a);
  const second = await makePublicVideo(sql, b);
  await insertVotes(sql, [
    { videoId: first.id, userId: b },
    { videoId: first.id, userId: c },
    { videoId: second.id, userId: c },
  ]);
  return { a, b, c, first: first.id, second: second.id };
}

t.test('a recount finds nothing where votes were cast and videos deleted', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { a, b, c } = await makeStandings(sql);
  const found = await recount(sql);
  t.match(found, { votes: 3, laterVotes: 0, differences: [], differing: 0 });
  t.strictSame(
    found.standings.map(({ position, user_id, votes }) => [position, user_id, votes]),
    [
      [1, a, 2],
      [2, b, 1],
      [3, c, 0],
    ],
  );
});

t.test('standings as of a time leave out later votes, and report no counter because of them', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { a, b, first } = await makeStandings(sql);
  await sql`update votes set processed_at = '2026-01-01T12:00:00Z'`;
  await sql`update votes set processed_at = '2026-01-01T12:00:01Z' where video_id = ${first}`;
  const found = await recount(sql, { asOf: new Date('2026-01-01T12:00:00Z') });
  t.match(found, { votes: 1, laterVotes: 2, differing: 0 });
  t.strictSame(
    found.standings.slice(0, 2).map(({ user_id, votes }) => [user_id, votes]),
    [
      [b, 1],
      [a, 0],
    ],
  );
});

t.test('counters that differ from the votes are found, named and repaired', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { a, b, first, second } = await makeStandings(sql);
  await flushVoteDeltas(sql);
  // Rows inserted past the service, one counter too high, one too low.
  await sql`insert into votes (video_id, user_id) values (${second}, ${a})`;
  await sql`update videos set votes = 7 where id = ${first}`;
  await sql`update users set votes = 0 where id = ${a}`;
  t.strictSame((await recount(sql)).differences, [
    { counter: 'videos.votes', id: first, served: 7, counted: 2 },
    { counter: 'videos.votes', id: second, served: 1, counted: 2 },
    { counter: 'users.votes', id: a, served: 0, counted: 2 },
    { counter: 'users.votes', id: b, served: 1, counted: 2 },
  ]);
  t.strictSame(await repairCounters(sql), { videos: 2, users: 2 });
  t.match(await recount(sql), { votes: 4, differing: 0 });
  t.strictSame(await repairCounters(sql), { videos: 0, users: 0 });
});

t.test('more counters than one batch holds are repaired', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const count = 2 * countersPerRepairBatch + 1;
  await sql`
    insert into users (first_name, last_name, email, password_hash)
    select 'a', 'a', n || '@example.com', 'x' from generate_series(1, ${count}) as n`;
  await sql`insert into videos (title, user_id, status) select 'a', id, 'public' from users`;
  await sql`insert into votes (video_id, user_id) select id, 1 from videos`;
  t.equal((await recount(sql)).differing, 2 * count);
  t.strictSame(await repairCounters(sql), { videos: count, users: count });
  t.equal((await recount(sql)).differing, 0);
});

t.test('a repair loses no vote that is cast meanwhile', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const owner = await makeUser(sql);
  const videos: number[] = [];
  for (let index = 0; index < 5; index += 1) videos.push((await makePublicVideo(sql, owner)).id);
  const voters = await Promise.all(Array.from({ length: 120 }, () => makeUser(sql)));
  let repairs = 0;
  let isVoting = true;
  const flushing = (async () => {
    while (isVoting) await flushVoteDeltas(sql);
  })();
  const repairing = (async () => {
    while (isVoting) {
      // Wrong again each time, so that the next repair has something to repair while votes arrive.
      await sql`update videos set votes = votes + 3 where id = ${videos[repairs % 5] ?? 0}`;
      await sql`update users set votes = votes - 2 where id = ${owner}`;
      await repairCounters(sql);
      repairs += 1;
    }
  })();
  const voting = Promise.all(
    [0, 1].map(async (half) => {
      for (const userId of voters.filter((_, index) => index % 2 === half)) {
        const outcomes = await insertVotes(
          sql,
          videos.map((videoId) => ({ videoId, userId })),
        );
        t.ok(outcomes.every((outcome) => outcome === 'counted'));
      }
    }),
  );
  const stop = () => {
    isVoting = false;
  };
  voting.then(stop, stop);
  await Promise.all([voting, repairing, flushing]);
  t.ok(repairs > 3, `${repairs} repairs`);
  t.match(await recount(sql), { votes: 600, differing: 0 });
  await flushVoteDeltas(sql);
  t.match(await recount(sql), { votes: 600, differing: 0 });
  t.match(await sql`select votes from users where id = ${owner}`, [{ votes: 600 }]);
});
