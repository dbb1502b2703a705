import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { type Bookmark, listStandings, listStandingsFrom, type StandingRow } from '../database/rankings.ts';
import { rankingsBookmarkedFiltersMax, rankingsOffsetMax, responseCacheRefreshMs } from '../limits.ts';
import { type ChangeCounter, noChanges } from './change-counter.ts';
import { openResponseCache } from './response-cache.ts';

export type RankingsReader = ReturnType<typeof openRankings>;

export interface RankingsPage {
  readonly page: number;
  readonly limit: number;
  /** Matched literally and case-insensitively. Empty for every city. */
  readonly city: string;
}

/** The bookmarks of one filter, as the ranking was at one moment. */
interface Bookmarked {
  readonly asOfMs: number;
  readonly changes: number;
  /** In ascending order of position. */
  readonly bookmarks: readonly Bookmark[];
}

/**
 * Reads pages of the ranking through the response cache. The first deep page scans from the top and records bookmarks. While they
 * are fresh, later pages start at the nearest earlier bookmark and inherit its age. `flushVotes` adds the votes committed before
 * its call to the counters.
 */
export function openRankings(
  sql: Sql,
  flushVotes: () => Promise<void>,
  clock: Clock = systemClock,
  changes: Pick<ChangeCounter, 'read'> = noChanges,
) {
  const bookmarked = new LRUCache<string, Bookmarked>({ max: rankingsBookmarkedFiltersMax });

  async function load({ page, limit, city }: RankingsPage): Promise<{ rows: readonly StandingRow[]; asOfMs: number }> {
    const query = { offset: (page - 1) * limit, limit, city };
    const asOfMs = clock.now();
    if (query.offset > rankingsOffsetMax) return { rows: [], asOfMs };
    const changesBefore = changes.read();
    const known = bookmarked.get(city);
    const isFresh = known?.changes === changesBefore && asOfMs - known.asOfMs < responseCacheRefreshMs;
    const bookmark = isFresh ? findBookmark(known, query.offset) : undefined;
    if (known !== undefined && bookmark !== undefined) {
      return { rows: await listStandingsFrom(sql, bookmark, query), asOfMs: known.asOfMs };
    }
    await flushVotes();
    const { rows, bookmarks } = await listStandings(sql, query);
    if (bookmarks.length > 0) bookmarked.set(city, { asOfMs, changes: changesBefore, bookmarks });
    return { rows, asOfMs };
  }

  return openResponseCache<RankingsPage>(
    ({ page, limit, city }) => `${page}:${limit}:${city}`,
    async (query) => {
      const { rows, asOfMs } = await load(query);
      return { value: toStandings(rows, query), asOfMs };
    },
    clock,
    changes,
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
