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

/** The bookmarks of one filter, as the ranking was at one moment. */
interface Bookmarked {
  readonly asOfMs: number;
  /** In ascending order of position. */
  readonly bookmarks: readonly Bookmark[];
}

/**
 * Reads pages of the ranking through the response cache. The first deep page scans from the top and records bookmarks. While they
 * are fresh, later pages start at the nearest earlier bookmark and inherit its age. `flushVotes` adds the votes committed before
 * its call to the counters.
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

/** Returns the last bookmark at or before the offset. */
function findBookmark({ bookmarks }: Bookmarked, offset: number): Bookmark | undefined {
  return bookmarks.findLast(({ position }) => position <= offset);
}

function toStandings(rows: readonly StandingRow[], { page, limit }: RankingsPage) {
  return rows.map((row, index) => ({
    position: (page - 1) * limit + index + 1,
    username: `${row.first_name} ${row.last_name}`,
    city: row.city ?? '',
    votes: row.votes,
  }));
}
