import t, { type Test } from 'tap';
import type { Sql } from '../../src/database/open.ts';
import { type Bookmark, listStandings, listStandingsFrom, type StandingsQuery } from '../../src/database/rankings.ts';
import { rankingsBookmarkEvery, rankingsCitiesMax } from '../../src/limits.ts';
import { createMigratedDatabase } from './own-database.ts';

/** Inserts users with many ties, most of them without a vote, as after a launch. */
async function fill(sql: Sql, users: number, cities: number): Promise<void> {
  await sql`
    insert into users (first_name, last_name, email, password_hash, city, votes)
    select 'N' || n, 'L', n || '@example.com', 'x',
      case when n % 11 > 0 then 'Ciudad ' || (n % ${cities}::int) end,
      case when n % 3 = 0 then (n * 7919) % 40 else 0 end
    from generate_series(1, ${users}::int) as n`;
  await sql`analyze users`;
}

/** The ranking as the contract defines it. */
function rankPlainly(sql: Sql, { offset, limit, city }: StandingsQuery) {
  return sql`
    select first_name, last_name, city, votes from users
    where ${city} = '' or position(lower(upper(${city} collate pg_c_utf8)) in lower(upper(city collate pg_c_utf8))) > 0
    order by votes desc, id offset ${offset} limit ${limit}`;
}

async function compare(t: Test, sql: Sql, query: StandingsQuery, bookmarks: readonly Bookmark[]): Promise<void> {
  const expected = [...(await rankPlainly(sql, query))];
  const name = JSON.stringify(query);
  t.strictSame((await listStandings(sql, query)).rows.map(withoutPlace), expected, name);
  const before = bookmarks.filter(({ position }) => position <= query.offset);
  for (const bookmark of [before.at(-1), before.at(0)]) {
    if (bookmark === undefined) continue;
    t.strictSame([...(await listStandingsFrom(sql, bookmark, query))], expected, `${name} from ${bookmark.position}`);
  }
}

function withoutPlace({
  first_name,
  last_name,
  city,
  votes,
}: {
  first_name: string;
  last_name: string;
  city: string | null;
  votes: number;
}) {
  return { first_name, last_name, city, votes };
}

t.test('every page equals the whole ranking, counted from the top or from a bookmark', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await fill(sql, 1_500, 9);
  for (const city of ['', 'CIUDAD', 'ciudad 3', 'no such', ' ']) {
    const { bookmarks } = await listStandings(sql, { offset: 1_400, limit: 100, city });
    t.ok(bookmarks.every(({ position }, i) => position === (i + 1) * rankingsBookmarkEvery));
    for (const [offset, limit] of [
      [0, 10],
      [95, 10],
      [rankingsBookmarkEvery, 10],
      [rankingsBookmarkEvery - 1, 1],
      [640, 100],
      [1_390, 100],
      [1_499, 10],
      [5_000, 10],
    ] as const)
      await compare(t, sql, { offset, limit, city }, bookmarks);
  }
});

t.test('a filter that matches more cities than are gone through one by one finds the same', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await fill(sql, 1_000, rankingsCitiesMax + 30);
  const { bookmarks } = await listStandings(sql, { offset: 500, limit: 10, city: 'ciudad' });
  t.ok(bookmarks.length >= 5);
  for (const offset of [0, 50, 300, 505, 890]) await compare(t, sql, { offset, limit: 20, city: 'ciudad' }, bookmarks);
});
