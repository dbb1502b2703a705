import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openVoteBatches } from '../../src/actions/cast-vote.ts';
import { recount } from '../../src/database/recount.ts';
import type { VoteOutcome } from '../../src/database/votes.ts';
import { voteBatchesInFlightMax, votesForSecondBatchMin, votesPerBatchMax, votesWaitingMax } from '../../src/limits.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { makePublicVideo, makeUser } from '../database/some-rows.ts';

/** Inserts a public video and this many voters. */
async function makeTestContext(t: Parameters<typeof createMigratedDatabase>[0], voterCount: number) {
  const { sql } = await createMigratedDatabase(t);
  const owner = await makeUser(sql);
  const video = await makePublicVideo(sql, owner);
  const rows = await sql<{ id: number }[]>`
    insert into users (first_name, last_name, email, password_hash)
    select 'Ana', 'Ruiz', 'voter-' || n || '@example.com', 'hash' from generate_series(1, ${voterCount}) as n
    returning id`;
  return { sql, owner, videoId: video.id, voters: rows.map(({ id }) => id) };
}

t.test('a single vote is sent at once; votes that arrive meanwhile share the next batch', async (t) => {
  const { sql, videoId, voters } = await makeTestContext(t, votesForSecondBatchMin);
  const sizes: number[] = [];
  const votes = openVoteBatches(sql, { onBatch: (size) => sizes.push(size) });
  const first = votes.insert({ videoId, userId: voters[0] as number });
  t.strictSame(sizes, [1], 'before anything else happens');
  const others = voters.slice(1).map((userId) => votes.insert({ videoId, userId }));
  t.strictSame(
    await Promise.all([first, ...others]),
    voters.map(() => 'counted'),
  );
  t.strictSame(sizes, [1, voters.length - 1]);
});

t.test('many votes at once fill a second batch, never a third, and no batch exceeds its limit', async (t) => {
  const { sql, videoId, voters } = await makeTestContext(t, votesForSecondBatchMin + 2 * votesPerBatchMax + 1);
  const sizes: number[] = [];
  const votes = openVoteBatches(sql, { onBatch: (size) => sizes.push(size) });
  const answers = voters.map((userId) => votes.insert({ videoId, userId }));
  t.equal(sizes.length, voteBatchesInFlightMax);
  t.strictSame(sizes, [1, votesForSecondBatchMin]);
  t.ok((await Promise.all(answers)).every((outcome) => outcome === 'counted'));
  t.equal(Math.max(...sizes), votesPerBatchMax);
  t.match(await recount(sql), { votes: voters.length, differing: 0 });
});

t.test('clients that vote again as soon as they have an answer share batches', async (t) => {
  const { sql, videoId, voters } = await makeTestContext(t, votesForSecondBatchMin - 1);
  const sizes: number[] = [];
  const votes = openVoteBatches(sql, { onBatch: (size) => sizes.push(size) });
  const rounds = 5;
  await Promise.all(
    voters.map(async (userId) => {
      for (let round = 0; round < rounds; round += 1) await votes.insert({ videoId, userId });
    }),
  );
  t.ok(sizes.length <= 2 * rounds + 1, `${sizes.length} batches`);
});

t.test('a batch that the database refuses rejects each of its votes; the next one is counted', async (t) => {
  const { sql, owner, videoId, voters } = await makeTestContext(t, 3);
  const votes = openVoteBatches(sql);
  await sql`alter table votes add constraint votes_refused check (video_id < 0) not valid`;
  const refused = await Promise.allSettled(voters.map((userId) => votes.insert({ videoId, userId })));
  t.ok(refused.every(({ status }) => status === 'rejected'));
  await sql`alter table votes drop constraint votes_refused`;
  t.equal(await votes.insert({ videoId, userId: owner }), 'counted');
  t.match(await recount(sql), { votes: 1, differing: 0 });
});

t.test('votes beyond the queue’s limit are refused at once, and the others are counted', async (t) => {
  const { sql, videoId, voters } = await makeTestContext(t, 2);
  const votes = openVoteBatches(sql);
  // The first vote is sent, then enough votes for a second batch; later votes wait.
  const sent = 1 + votesForSecondBatchMin;
  const userId = voters[0] as number;
  const answers = Array.from({ length: sent + votesWaitingMax }, () => votes.insert({ videoId, userId }));
  await t.rejects(votes.insert({ videoId, userId }), { code: 'unavailable', retryAfterSeconds: 1 });
  const outcomes = await Promise.all(answers);
  t.equal(outcomes.filter((outcome) => outcome === 'counted').length, 1);
});

t.test('the answer comes after the commit: a read after the answer finds the vote', async (t) => {
  const { sql, videoId, voters } = await makeTestContext(t, 200);
  const votes = openVoteBatches(sql);
  const found: VoteOutcome[] = [];
  await Promise.all(
    voters.map(async (userId, i) => {
      await sleep(i % 20);
      const outcome = await votes.insert({ videoId, userId });
      const rows = await sql`select 1 from votes where video_id = ${videoId} and user_id = ${userId}`;
      if (rows.length === 1) found.push(outcome);
    }),
  );
  t.equal(found.length, voters.length);
});
