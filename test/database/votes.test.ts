import t from 'tap';
import type { Sql } from '../../src/database/open.ts';
import { recount } from '../../src/database/recount.ts';
import { deleteVideo } from '../../src/database/videos.ts';
import { flushVoteDeltas } from '../../src/database/vote-deltas.ts';
import { insertVotes } from '../../src/database/votes.ts';
import { openTestDatabase } from '../support/database.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makePublicVideo, makeUser, makeVideo, process } from './some-rows.ts';

const nobody = 999_999_999;
const readVotes = (sql: Sql) => sql`select video_id, user_id from votes order by video_id, user_id`;

t.test('one batch with every outcome: each vote gets its own, and counters move by what was counted', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const [owner, voter] = [await makeUser(sql), await makeUser(sql)];
  const open = await makePublicVideo(sql, owner);
  const processed = await makeVideo(sql, owner);
  await process(sql, processed.id);
  const uploaded = await makeVideo(sql, owner);
  t.strictSame(await insertVotes(sql, [{ videoId: open.id, userId: voter }]), ['counted']);

  const outcomes = await insertVotes(sql, [
    { videoId: uploaded.id, userId: voter },
    { videoId: open.id, userId: voter },
    { videoId: nobody, userId: voter },
    { videoId: open.id, userId: owner },
    { videoId: processed.id, userId: voter },
    { videoId: open.id, userId: owner },
    { videoId: open.id, userId: nobody },
    { videoId: nobody, userId: nobody },
  ]);
  t.strictSame(outcomes, [
    'not_votable',
    'already_voted',
    'not_found',
    'counted',
    'counted',
    'already_voted',
    'unknown_voter',
    'unknown_voter',
  ]);
  t.strictSame(
    (await readVotes(sql)).map((row) => [row['video_id'], row['user_id']]),
    [
      [open.id, owner],
      [open.id, voter],
      [processed.id, voter],
    ],
  );
  await flushVoteDeltas(sql);
  t.match(await sql`select votes from users where id = ${owner}`, [{ votes: 3 }]);
  t.match(await recount(sql), { votes: 3, differing: 0 });
});

t.test('of equal votes in one batch the first is counted, whatever the order of the others', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const voters = [await makeUser(sql), await makeUser(sql)];
  const video = await makePublicVideo(sql, voters[0] as number);
  const requests = Array.from({ length: 100 }, (_, i) => ({ videoId: video.id, userId: voters[i % 2] as number }));
  const outcomes = await insertVotes(sql, requests);
  t.strictSame(outcomes.slice(0, 2), ['counted', 'counted']);
  t.ok(outcomes.slice(2).every((outcome) => outcome === 'already_voted'));
  t.match(await sql`select votes from videos where id = ${video.id}`, [{ votes: 2 }]);
});

t.test('an empty batch asks for nothing and answers nothing', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  t.strictSame(await insertVotes(sql, []), []);
});

t.test(
  'batches that name the same rows in opposite orders, with deletes and flushes between them, never deadlock',
  async (t) => {
    const { url, sql } = await createMigratedDatabase(t);
    const users = await Promise.all(Array.from({ length: 8 }, () => makeUser(sql)));
    // Owners in the reverse order of their videos: batches that lock rows in order of arrival would deadlock.
    const videos = [];
    for (const owner of [...users].reverse())
      videos.push(await makePublicVideo(sql, owner), await makePublicVideo(sql, owner));
    const doomed = await makeVideo(sql, users[0] as number);
    await process(sql, doomed.id);
    const all = [...videos, doomed].flatMap(({ id }) => users.map((userId) => ({ videoId: id, userId })));
    const pools = [openTestDatabase(url, 4), openTestDatabase(url, 4)];
    t.teardown(() => Promise.all(pools.map((pool) => pool.end())));

    const chunks = Array.from({ length: 40 }, (_, i) => {
      const turned = [...all.slice(i * 3), ...all.slice(0, i * 3)];
      return i % 2 === 0 ? turned : turned.reverse();
    });
    const work = chunks.map((requests, i) => insertVotes(pools[i % 2] as Sql, requests));
    const flushes = [sql, ...pools].map(async (pool) => {
      for (let i = 0; i < 10; i += 1) await flushVoteDeltas(pool);
    });
    const [outcomes] = await Promise.all([Promise.all(work), deleteVideo(sql, doomed.id), ...flushes]);
    const counted = outcomes.flat().filter((outcome) => outcome === 'counted').length;
    const lasting = videos.length * users.length;
    t.ok(counted >= lasting && counted <= all.length, `${counted} were counted`);
    t.match(await recount(sql), { votes: lasting, differing: 0 });
    await flushVoteDeltas(sql);
    t.match(await recount(sql), { votes: lasting, differing: 0 });
  },
);
