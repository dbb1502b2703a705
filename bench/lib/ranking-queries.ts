import postgres from 'postgres';
import type { Sql } from '../../src/database/open.ts';
import { type Bookmark, listStandings, listStandingsFrom, type StandingsQuery } from '../../src/database/rankings.ts';

/** A question as the readers of the ranking ask it. */
export interface Question {
  readonly figure: string;
  readonly what: string;
  ask(sql: Sql, bookmarks: readonly Bookmark[]): Promise<unknown>;
}

const offset = 9_000;
const limit = 10;

export const questions: readonly Question[] = [
  fromTop('page1Ms', 'places 1 to 10', { offset: 0, limit, city: '' }),
  {
    figure: 'page901Ms',
    what: 'places 9,001 to 9,010, from a bookmark that a deep page before took down',
    ask: (sql, bookmarks) => listStandingsFrom(sql, findBookmark(bookmarks), { offset, limit, city: '' }),
  },
  fromTop('page901FromTopMs', 'places 9,001 to 9,010, the first deep page in half a second', {
    offset,
    limit,
    city: '',
  }),
  fromTop('cityMs', 'places 1 to 10 of one city', { offset: 0, limit, city: 'CALI' }),
  fromTop('citiesPage901Ms', 'places 9,001 to 9,010 of the cities with an a', { offset, limit, city: 'a' }),
];

function fromTop(figure: string, what: string, query: StandingsQuery): Question {
  return { figure, what, ask: (sql) => listStandings(sql, query) };
}

export async function recordBookmarks(sql: Sql): Promise<readonly Bookmark[]> {
  return (await listStandings(sql, { offset, limit, city: '' })).bookmarks;
}

function findBookmark(bookmarks: readonly Bookmark[]): Bookmark {
  const bookmark = bookmarks.findLast(({ position }) => position <= offset);
  if (bookmark === undefined) throw new Error(`Expected a bookmark up to place ${offset}, got none`);
  return bookmark;
}

export interface Plan {
  readonly what: string;
  readonly lines: readonly string[];
}

/** EXPLAIN (ANALYZE, BUFFERS) of each question, word by word as the readers ask it. */
export async function explainQueries(url: string): Promise<Plan[]> {
  const asked: { query: string; parameters: unknown[] }[] = [];
  const sql = postgres(url, {
    max: 1,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    debug: (_, query, parameters) => asked.push({ query, parameters }),
  });
  try {
    const bookmarks = await recordBookmarks(sql as unknown as Sql);
    const plans: Plan[] = [];
    for (const { what, ask } of questions) {
      await ask(sql as unknown as Sql, bookmarks);
      const { query = '', parameters = [] } = asked.at(-1) ?? {};
      const rows = await sql.unsafe<{ 'QUERY PLAN': string }[]>(
        `explain (analyze, buffers) ${query}`,
        parameters as never[],
      );
      plans.push({ what, lines: rows.map((row) => row['QUERY PLAN']) });
    }
    return plans;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
