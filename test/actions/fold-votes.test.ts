import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openVoteFold } from '../../src/actions/fold-votes.ts';
import { castVotes } from '../../src/database/votes.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { makePublicVideo, makeUser } from '../database/some-rows.ts';

/** Two owners with a video each; `vote` has a new voter vote for both. */
async function makeStage(t: Parameters<typeof createMigratedDatabase>[0]) {
  const { sql } = await createMigratedDatabase(t);
  const owners = [await makeUser(sql), await makeUser(sql)];
  const videos = await Promise.all(owners.map((owner) => makePublicVideo(sql, owner)));
  const vote = async () => {
    const userId = await makeUser(sql);
    await castVotes(
      sql,
      videos.map(({ id: videoId }) => ({ videoId, userId })),
    );
  };
  const counters = async () => {
    const rows = await sql<{ votes: number }[]>`select votes from users where id = any(${owners}) order by id`;
    return rows.map(({ votes }) => votes);
  };
  return { sql, vote, counters };
}

t.test('a fold moves the counters by every vote before it, and nothing waits after it', async (t) => {
  const { sql, vote, counters } = await makeStage(t);
  const fold = openVoteFold(sql);
  await Promise.all([vote(), vote(), vote()]);
  t.strictSame(await counters(), [0, 0]);
  const askedAtMs = performance.now();
  t.ok((await fold(0)) >= askedAtMs);
  t.strictSame(await counters(), [3, 3]);
  t.equal((await sql`select from vote_gains`).length, 0);
});

t.test('who is content with an earlier fold gets its moment, who is not gets one of his own', async (t) => {
  const { sql, vote, counters } = await makeStage(t);
  const fold = openVoteFold(sql);
  const firstMs = await fold(0);
  await vote();
  t.equal(await fold(60_000), firstMs);
  t.strictSame(await counters(), [0, 0]);
  await sleep(20);
  const [one, other] = await Promise.all([fold(10), fold(10)]);
  t.ok(one > firstMs);
  t.equal(one, other, 'those who ask at once share one');
  t.strictSame(await counters(), [1, 1]);
});

t.test('a fold that began too early is waited for, and another one follows', async (t) => {
  const { sql, vote, counters } = await makeStage(t);
  const fold = openVoteFold(sql);
  await vote();
  const early = fold(0);
  await vote();
  await Promise.all([early, fold(0)]);
  t.strictSame(await counters(), [2, 2]);
});

t.test('folds of several processes at once move each counter once', async (t) => {
  const { sql, vote, counters } = await makeStage(t);
  const folds = [openVoteFold(sql), openVoteFold(sql), openVoteFold(sql)];
  for (let round = 1; round <= 20; round += 1) {
    await vote();
    await Promise.all(folds.map((fold) => fold(0)));
    t.strictSame(await counters(), [round, round]);
  }
});

t.test('a fold that the database refuses is told, and the next one catches up', async (t) => {
  const { sql, vote, counters } = await makeStage(t);
  const fold = openVoteFold(sql);
  await vote();
  await sql`alter table users add constraint votes_refused check (votes = 0) not valid`;
  await t.rejects(fold(0), /votes_refused/);
  await sql`alter table users drop constraint votes_refused`;
  await fold(60_000);
  t.strictSame(await counters(), [1, 1]);
});
