import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { type Bookmark, listStandings, listStandingsFrom, type StandingRow } from '../database/rankings.ts';
import { rankingsBookmarkedFiltersMax, rankingsOffsetMax, responseCacheRefreshMs } from '../limits.ts';
import { openResponseCache } from './response-cache.ts';

export type RankingsReader = ReturnType<typeof openRankings>;

export interface RankingsPage {
  readonly page: number;
  readonly limit: number;
  /** Taken literally, without regard to case; empty for every city. */
  readonly city: string;
}

/** A way into the middle of the ranking, as it was at one moment. */
interface Bookmarked {
  readonly asOfMs: number;
  /** By place, the first one first. */
  readonly bookmarks: readonly Bookmark[];
}

/**
 * Pages of the ranking. The first deep page of a filter counts from the top and takes down bookmarks; until these are as old
 * as bytes that are due, other pages begin at the bookmark before them, and count as old as it. `flushVotes` brings the counters up
 * to the votes committed before it is called.
 */
export function openRankings(sql: Sql, flushVotes: () => Promise<void>, clock: Clock = systemClock) {
  const bookmarked = new LRUCache<string, Bookmarked>({ max: rankingsBookmarkedFiltersMax });

  async function load({ page, limit, city }: RankingsPage): Promise<{ rows: readonly StandingRow[]; asOfMs: number }> {
    const query = { offset: (page - 1) * limit, limit, city };
    const asOfMs = clock.now();
    if (query.offset > rankingsOffsetMax) return { rows: [], asOfMs };
    const known = bookmarked.get(city);
    const bookmark =
      known && asOfMs - known.asOfMs < responseCacheRefreshMs ? findBookmark(known, query.offset) : undefined;
    if (known !== undefined && bookmark !== undefined) {
      return { rows: await listStandingsFrom(sql, bookmark, query), asOfMs: known.asOfMs };
    }
    await flushVotes();
    const { rows, bookmarks } = await listStandings(sql, query);
    if (bookmarks.length > 0) bookmarked.set(city, { asOfMs, bookmarks });
    return { rows, asOfMs };
  }

  return openResponseCache<RankingsPage>(
    ({ page, limit, city }) => `${page}:${limit}:${city}`,
    async (query) => {
      const { rows, asOfMs } = await load(query);
      return { value: toStandings(rows, query), asOfMs };
    },
    clock,
  );
}

/** The last one at or before the offset; bookmarks end where the deepest page so far did. */
function findBookmark({ bookmarks }: Bookmarked, offset: number): Bookmark | undefined {
  return bookmarks.findLast(({ place }) => place <= offset);
}

function toStandings(rows: readonly StandingRow[], { page, limit }: RankingsPage) {
  return rows.map((row, index) => ({
    position: (page - 1) * limit + index + 1,
    username: `${row.first_name} ${row.last_name}`,
    city: row.city ?? '',
    votes: row.votes,
  }));
}
