import { randomUUID } from 'node:crypto';
import t from 'tap';
import { claimAgedIntents, recordIntents } from '../../src/database/object-intents.ts';
import {
  deleteVideo,
  findVideo,
  insertUploadedVideo,
  keysInUse,
  listVideosOfUser,
  publishVideo,
} from '../../src/database/videos.ts';
import { flushVoteDeltas } from '../../src/database/vote-deltas.ts';
import { insertVotes } from '../../src/database/votes.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makePublicVideo, makeUser, makeVideo, process, readHistory, readIntents } from './some-rows.ts';

t.test('an uploaded video takes the place of its intent', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const { id, key } = await makeVideo(sql, userId);
  t.match(await findVideo(sql, id), {
    id,
    title: 'A clip',
    status: 'uploaded',
    user_id: userId,
    original_url: key,
    votes: 0,
  });
  t.strictSame(await readIntents(sql), []);
  t.strictSame(await readHistory(sql, id), ['uploaded']);
});

t.test('no row names an object whose intent a sweep has claimed', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  await recordIntents(sql, ['uploads/a.mp4']);
  t.strictSame(await claimAgedIntents(sql, { graceSeconds: 0, limit: 10 }), ['uploads/a.mp4']);
  const video = { userId, title: 'a', key: 'uploads/a.mp4', taskId: 't', requestId: 'r', sizeBytes: 1 };
  t.equal(await insertUploadedVideo(sql, video), undefined);
  t.equal((await sql`select from videos`).length, 0);
});

t.test('an upload knows its place among its own player’s waiting videos', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const [userId, otherId] = [await makeUser(sql), await makeUser(sql)];
  const insert = async (owner: number) => {
    const key = `uploads/${randomUUID()}.mp4`;
    await recordIntents(sql, [key]);
    const video = { userId: owner, title: 'a', key, taskId: randomUUID(), requestId: 'r', sizeBytes: 1 };
    return insertUploadedVideo(sql, video);
  };
  const first = await insert(userId);
  await insert(userId);
  t.match([first, await insert(userId), await insert(otherId)], [{ rank: 1 }, { rank: 3 }, { rank: 1 }]);
  await process(sql, first?.id ?? 0);
  t.match(await insert(userId), { rank: 3 }, 'one that is done does not count');
});

t.test('pages of a list, newest first, neither repeat nor skip videos of one microsecond', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  await sql`
    insert into videos (title, user_id, uploaded_at)
    select 'v' || n, ${userId}, timestamptz '2026-01-01 00:00:00.000001Z' + (n / 3) * interval '1 microsecond'
    from generate_series(1, 20) as n`;
  const whole = await listVideosOfUser(sql, userId);
  t.strictSame(
    whole.map(({ id }) => id),
    Array.from({ length: 20 }, (_, index) => 20 - index),
  );
  const paged: number[] = [];
  let page = await listVideosOfUser(sql, userId, { limit: 4 });
  while (page.length > 0) {
    paged.push(...page.map(({ id }) => id));
    const last = page.at(-1);
    const cursor = { uploadedAtMicros: last?.uploaded_at_micros ?? 0, id: last?.id ?? 0 };
    page = await listVideosOfUser(sql, userId, { limit: 4, cursor });
  }
  t.strictSame(
    paged,
    whole.map(({ id }) => id),
  );
});

t.test('only what is processed becomes public, and to publish again changes nothing', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  t.equal(await publishVideo(sql, id), 'not_processed');
  await process(sql, id);
  t.equal(await publishVideo(sql, id), 'public');
  t.equal(await publishVideo(sql, id), 'public');
  t.equal(await publishVideo(sql, 99), 'not_found');
  t.strictSame(await readHistory(sql, id), ['uploaded', 'uploaded processed', 'processed public']);
});

t.test(
  'a deleted video takes its votes along, moves its owner’s counter and hands its objects to the sweep',
  async (t) => {
    const { sql } = await createMigratedDatabase(t);
    const owner = await makeUser(sql);
    const voters = [await makeUser(sql), await makeUser(sql)];
    const kept = await makePublicVideo(sql, owner);
    const video = await makeVideo(sql, owner);
    const rendition = await process(sql, video.id);
    await insertVotes(
      sql,
      [kept.id, video.id].flatMap((videoId) => voters.map((userId) => ({ videoId, userId }))),
    );
    const votesOfOwner = async () => {
      await flushVoteDeltas(sql);
      return (await sql`select votes from users where id = ${owner}`)[0]?.['votes'];
    };
    t.equal(await votesOfOwner(), 4);
    const keys = [video.key, ...rendition];
    t.strictSame(await deleteVideo(sql, video.id), { outcome: 'deleted', keys });
    t.equal(await votesOfOwner(), 2);
    t.equal((await sql`select from votes where video_id = ${video.id}`).length, 0);
    t.strictSame(await readIntents(sql), [...keys].sort());
    t.strictSame(await deleteVideo(sql, kept.id), { outcome: 'public' });
    t.match(await findVideo(sql, kept.id), { votes: 2 });
  },
);

t.test('of several deletes at once one is done, the others find nothing', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => deleteVideo(sql, id)));
  t.strictSame(outcomes.map(({ outcome }) => outcome).sort(), ['deleted', 'not_found', 'not_found', 'not_found']);
});

t.test('deletes and votes at once leave counters that equal the votes', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const owner = await makeUser(sql);
  const videos: number[] = [];
  for (let index = 0; index < 6; index += 1) {
    const { id } = await makeVideo(sql, owner);
    await process(sql, id);
    videos.push(id);
  }
  const voters = await Promise.all(Array.from({ length: 20 }, () => makeUser(sql)));
  const votes = voters.map((userId) =>
    insertVotes(
      sql,
      videos.map((videoId) => ({ videoId, userId })),
    ),
  );
  await Promise.all([...votes, flushVoteDeltas(sql), ...videos.slice(0, 3).map((id) => deleteVideo(sql, id))]);
  await flushVoteDeltas(sql);
  const [counted] = await sql`
    select (select count(*) from votes) as votes, (select sum(votes)::bigint from videos) as of_videos,
      (select votes from users where id = ${owner}) as of_owner`;
  t.strictSame(counted, { votes: 60, of_videos: 60, of_owner: 60 });
});

t.test('an object that two rows of an older system share stays with the other row', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  await sql`
    insert into videos (title, user_id, original_url)
    values ('a', ${userId}, 'uploads/user_1_5.mp4'), ('b', ${userId}, 'uploads/user_1_5.mp4')`;
  t.strictSame(await deleteVideo(sql, 1), { outcome: 'deleted', keys: [] });
  t.strictSame(await deleteVideo(sql, 2), { outcome: 'deleted', keys: ['uploads/user_1_5.mp4'] });
});

t.test('keys in use are those that a row or an intent names', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id, key } = await makeVideo(sql, await makeUser(sql));
  const rendition = await process(sql, id);
  await recordIntents(sql, ['uploads/b.mp4']);
  const named = [key, ...rendition, 'uploads/b.mp4'];
  t.strictSame([...(await keysInUse(sql, [...named, 'uploads/c.mp4']))].sort(), [...named].sort());
  t.equal((await keysInUse(sql, [])).size, 0);
});
