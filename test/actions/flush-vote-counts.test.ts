import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { openVoteCountFlusher } from '../../src/actions/flush-vote-counts.ts';
import { insertVotes } from '../../src/database/votes.ts';
import { voteCountFlushMs, voteDeltasPerFlush } from '../../src/limits.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { makePublicVideo, makeUser } from '../database/some-rows.ts';
import { openFakeClock } from '../support/fake-clock.ts';

/** Inserts two owners with a video each. `vote` inserts a voter who votes for both. */
async function makeTestContext(t: Parameters<typeof createMigratedDatabase>[0]) {
  const { sql } = await createMigratedDatabase(t);
  const owners = [await makeUser(sql), await makeUser(sql)];
  const videos = await Promise.all(owners.map((owner) => makePublicVideo(sql, owner)));
  const vote = async () => {
    const userId = await makeUser(sql);
    await insertVotes(
      sql,
      videos.map(({ id: videoId }) => ({ videoId, userId })),
    );
  };
  const counters = async () => {
    const rows = await sql<{ votes: number }[]>`select votes from users where id = any(${owners}) order by id`;
    return rows.map(({ votes }) => votes);
  };
  const untilCounters = (votes: number) =>
    waitFor(`counters of ${votes}`, async () => (await counters()).every((counter) => counter === votes));
  return { sql, owners, vote, counters, untilCounters };
}

t.test('a flush adds every earlier vote to the counters and leaves no delta', async (t) => {
  const { sql, vote, counters } = await makeTestContext(t);
  const flusher = openVoteCountFlusher(sql);
  await Promise.all([vote(), vote(), vote()]);
  t.strictSame(await counters(), [0, 0]);
  await Promise.all([flusher.flush(), flusher.flush()]);
  t.strictSame(await counters(), [3, 3]);
  t.equal((await sql`select from vote_deltas`).length, 0);
});

t.test('more deltas than one statement takes are flushed', async (t) => {
  const { sql, owners, counters } = await makeTestContext(t);
  const [owner = 0] = owners;
  const rows = 2 * voteDeltasPerFlush + 1;
  await sql`
    insert into vote_deltas (user_ids, votes)
    select array[${owner}::bigint, ${owner}::bigint], array[2, -1] from generate_series(1, ${rows}::int)`;
  await openVoteCountFlusher(sql).flush();
  t.strictSame(await counters(), [rows, 0]);
});

t.test('a vote during a flush is left to the next flush', async (t) => {
  const { sql, owners, vote, counters } = await makeTestContext(t);
  const flusher = openVoteCountFlusher(sql);
  await vote();
  let early: Promise<void> | undefined;
  await sql.begin(async (tx) => {
    await tx`select from users where id = any(${owners}) for no key update`;
    early = flusher.flush();
    // The flush has taken its deltas when it waits for the users.
    await waitFor('the flush to wait for the users', async () => {
      const waiting = await sql`
        select from pg_stat_activity where query like '%delete from vote_deltas%' and wait_event_type = 'Lock'
          and datname = current_database() and pid <> pg_backend_pid()`;
      return waiting.length > 0;
    });
    await vote();
  });
  await early;
  t.strictSame(await counters(), [1, 1]);
  await flusher.flush();
  t.strictSame(await counters(), [2, 2]);
});

t.test('concurrent flushes of several processes count each vote once', async (t) => {
  const { sql, vote, counters } = await makeTestContext(t);
  const flushers = [openVoteCountFlusher(sql), openVoteCountFlusher(sql), openVoteCountFlusher(sql)];
  for (let round = 1; round <= 20; round += 1) {
    await vote();
    await Promise.all(flushers.map((flusher) => flusher.flush()));
    t.strictSame(await counters(), [round, round]);
  }
});

t.test('calls of schedule share one flush, and a call after it gets another', async (t) => {
  const { sql, vote, counters, untilCounters } = await makeTestContext(t);
  const clock = openFakeClock();
  const flusher = openVoteCountFlusher(sql, (error) => t.fail(String(error)), clock);
  for (let round = 1; round <= 3; round += 1) {
    await vote();
    flusher.schedule();
    t.equal(clock.timerCount(), 1, 'one timer for all calls');
    clock.advance(voteCountFlushMs / 5);
  }
  clock.advance((2 * voteCountFlushMs) / 5 - 1);
  t.strictSame(await counters(), [0, 0], 'no flush before its time');
  clock.advance(1);
  await untilCounters(3);
  await vote();
  flusher.schedule();
  // Where the last flush has not ended yet, the next timer starts when it has.
  await waitFor('the next timer', () => clock.timerCount() === 1);
  clock.advance(voteCountFlushMs);
  await untilCounters(4);
});

t.test('a flush that the database rejects is reported and retried', async (t) => {
  const { sql, vote, counters, untilCounters } = await makeTestContext(t);
  const failures: unknown[] = [];
  const clock = openFakeClock();
  const flusher = openVoteCountFlusher(sql, (error) => failures.push(error), clock);
  await vote();
  await sql`alter table users add constraint votes_refused check (votes = 0) not valid`;
  await t.rejects(flusher.flush(), /votes_refused/);
  flusher.schedule();
  clock.advance(voteCountFlushMs);
  await waitFor('the failure', () => failures.length > 0);
  t.match(failures, [/votes_refused/]);
  t.strictSame(await counters(), [0, 0]);
  await sql`alter table users drop constraint votes_refused`;
  clock.advance(voteCountFlushMs);
  await untilCounters(1);
  t.equal(failures.length, 1);
});
