import { setImmediate as nextTurn } from 'node:timers/promises';
import postgres from 'postgres';
import t, { type Test } from 'tap';
import { openVoteCountFlusher } from '../../src/actions/flush-vote-counts.ts';
import type { Sql } from '../../src/database/open.ts';
import { responseCacheMaxAgeMs, responseCacheRefreshMs } from '../../src/limits.ts';
import type { CachedResponse } from '../../src/queries/cached-response.ts';
import { openRankings, type RankingsPage } from '../../src/queries/rankings.ts';
import { createMigratedDatabase } from '../database/own-database.ts';
import { openFakeClock } from '../support/fake-clock.ts';

interface Standing {
  position: number;
  username: string;
  votes: number;
}

/** Opens a reader and records its queries. */
async function openTestContext(t: Test) {
  const { url, sql } = await createMigratedDatabase(t);
  await sql`
    insert into users (first_name, last_name, email, password_hash, city, votes)
    select 'N' || n, 'L', n || '@example.com', 'x', 'Ciudad ' || n % 7, n % 300 from generate_series(1, 12000) as n`;
  await sql`analyze users`;
  const clock = openFakeClock();
  const queries: string[] = [];
  const seen = postgres(url, {
    max: 4,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    debug: (_, query) => {
      if (query.includes('users')) queries.push(query);
    },
  });
  t.teardown(() => seen.end());
  const rankings = openRankings(seen as unknown as Sql, openVoteCountFlusher(seen as unknown as Sql).flush, clock);
  return { sql, clock, queries, get: (page: RankingsPage) => rankings.get(page) };
}

const read = (response: CachedResponse) => JSON.parse(response.bytes.toString()) as Standing[];
const first: RankingsPage = { page: 1, limit: 10, city: '' };
const deep: RankingsPage = { page: 901, limit: 10, city: '' };

for (const page of [first, deep, { ...first, city: 'ciudad 3' }, { ...deep, page: 101, city: 'CIUDAD 3' }]) {
  t.test(`a thousand readers at once of ${JSON.stringify(page)} are one query`, async (t) => {
    const { queries, get } = await openTestContext(t);
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => get({ ...page })));
    t.equal(queries.length, 1);
    t.equal(new Set(answers).size, 1);
    t.equal(read(answers[0] as CachedResponse)[0]?.position, (page.page - 1) * page.limit + 1);
  });
}

t.test('however many read for three seconds, two queries a second are the most', async (t) => {
  const { clock, queries, get } = await openTestContext(t);
  const endsAtMs = clock.now() + 3_000;
  while (clock.now() < endsAtMs) {
    await Promise.all(Array.from({ length: 50 }, () => get(first)));
    await nextTurn();
    clock.advance(10);
  }
  // The number depends on how long the database takes. At least one a second is expected.
  t.ok(queries.length >= 3 && queries.length <= 1 + 3_000 / responseCacheRefreshMs, `${queries.length} queries`);
});

t.test('deep pages after the first start at a bookmark, and equal the whole ranking', async (t) => {
  const { sql, queries, get } = await openTestContext(t);
  await get({ page: 1_150, limit: 10, city: '' });
  const pages = [901, 100, 567, 1_100].map((page) => ({ page, limit: 10, city: '' }));
  const answers = await Promise.all(pages.map((page) => get(page)));
  t.equal(queries.length, 1 + pages.length);
  t.ok(queries.slice(1).every((query) => !query.includes('row_number')));
  for (const [i, { page }] of pages.entries()) {
    const rows = await sql<{ username: string; votes: number }[]>`
      select first_name || ' ' || last_name as username, votes from users
      order by votes desc, id offset ${(page - 1) * 10} limit 10`;
    const expected = rows.map((row, place) => ({ position: (page - 1) * 10 + place + 1, ...row }));
    t.match(read(answers[i] as CachedResponse), expected);
  }
});

t.test('a change shows after a second on every page, also on pages that start at a bookmark', async (t) => {
  const { sql, clock, get } = await openTestContext(t);
  const middle: RankingsPage = { page: 500, limit: 10, city: '' };
  const names = async (offset: number) => {
    const rows = await sql<{ username: string }[]>`
      select first_name || ' ' || last_name as username from users order by votes desc, id offset ${offset} limit 10`;
    return rows.map(({ username }) => username);
  };
  for (const [round, readAfterMs] of [0, 1, responseCacheRefreshMs - 2, responseCacheRefreshMs, 800].entries()) {
    clock.advance(10 * responseCacheMaxAgeMs);
    // Scans from the top and records bookmarks, at which the pages that follow may start.
    await get({ page: 1_150, limit: 10, city: '' });
    clock.advance(1);
    // The last user moves to the top, so that every other user moves down by one.
    await sql`
      update users set votes = ${1_000 + round} where id = (select id from users order by votes, id desc limit 1)`;
    clock.advance(readAfterMs);
    await Promise.all([get(first), get(middle)]);
    clock.advance(responseCacheMaxAgeMs - readAfterMs);
    const pages = [read(await get(first)), read(await get(middle))];
    t.strictSame(
      pages.map((page) => page.map(({ username }) => username)),
      [await names(0), await names(4_990)],
      `read ${readAfterMs} ms after the change, too`,
    );
    t.equal(pages[0]?.[0]?.votes, 1_000 + round);
  }
});
