import postgres from 'postgres';
import type { Sql } from '../../src/database/open.ts';
import { type Bookmark, listStandings, listStandingsFrom, type StandingsQuery } from '../../src/database/rankings.ts';

/** A query that a refresh of the rankings sends to PostgreSQL. */
export interface RankingQuery {
  readonly figure: string;
  readonly what: string;
  run(sql: Sql, bookmarks: readonly Bookmark[]): Promise<unknown>;
}

const offset = 9_000;
const limit = 10;

export const rankingQueries: readonly RankingQuery[] = [
  fromTop('page1Ms', 'positions 1 to 10', { offset: 0, limit, city: '' }),
  {
    figure: 'page901Ms',
    what: 'positions 9,001 to 9,010, from a keyset bookmark of an earlier deep page',
    run: (sql, bookmarks) => listStandingsFrom(sql, findBookmark(bookmarks), { offset, limit, city: '' }),
  },
  fromTop('page901FromTopMs', 'positions 9,001 to 9,010, without a bookmark', { offset, limit, city: '' }),
  fromTop('cityMs', 'positions 1 to 10 of one city', { offset: 0, limit, city: 'CALI' }),
  fromTop('citiesPage901Ms', 'positions 9,001 to 9,010 of the cities with an a', { offset, limit, city: 'a' }),
];

function fromTop(figure: string, what: string, query: StandingsQuery): RankingQuery {
  return { figure, what, run: (sql) => listStandings(sql, query) };
}

export async function recordBookmarks(sql: Sql): Promise<readonly Bookmark[]> {
  return (await listStandings(sql, { offset, limit, city: '' })).bookmarks;
}

function findBookmark(bookmarks: readonly Bookmark[]): Bookmark {
  const bookmark = bookmarks.findLast(({ position }) => position <= offset);
  if (bookmark === undefined) throw new Error(`Expected a bookmark up to position ${offset}, got none`);
  return bookmark;
}

export interface Plan {
  readonly what: string;
  readonly lines: readonly string[];
}

/** Runs EXPLAIN (ANALYZE, BUFFERS) on the exact text of each query, which postgres.js reports while the query runs. */
export async function explainQueries(url: string): Promise<Plan[]> {
  const sent: { query: string; parameters: unknown[] }[] = [];
  const client = postgres(url, {
    max: 1,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    debug: (_, query, parameters) => sent.push({ query, parameters }),
  });
  const sql = client as unknown as Sql;
  try {
    const bookmarks = await recordBookmarks(sql);
    const plans: Plan[] = [];
    for (const { what, run } of rankingQueries) {
      await run(sql, bookmarks);
      const { query = '', parameters = [] } = sent.at(-1) ?? {};
      const explain = `explain (analyze, buffers) ${query}`;
      const rows = await client.unsafe<{ 'QUERY PLAN': string }[]>(explain, parameters as never[]);
      plans.push({ what, lines: rows.map((row) => row['QUERY PLAN']) });
    }
    return plans;
  } finally {
    await client.end({ timeout: 1 });
  }
}
