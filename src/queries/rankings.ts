import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { type Anchor, listStandings, listStandingsFrom, type StandingRow } from '../database/rankings.ts';
import { freshBytesRefreshMs, rankingsAnchoredFiltersMax, rankingsOffsetMax } from '../limits.ts';
import { openFreshBytes } from './response-cache.ts';

export type RankingsReader = ReturnType<typeof openRankings>;

export interface RankingsPage {
  readonly page: number;
  readonly limit: number;
  /** Taken literally, without regard to case; empty for every city. */
  readonly city: string;
}

/** A way into the middle of the ranking, as it was at one moment. */
interface Anchored {
  readonly asOfMs: number;
  /** By place, the first one first. */
  readonly anchors: readonly Anchor[];
}

/**
 * Pages of the ranking. The first deep page of a filter counts from the top and takes down anchors; until these are as old
 * as bytes that are due, other pages begin at the anchor before them, and count as old as it. `foldVotes` brings the counters up
 * to the votes committed before it is called.
 */
export function openRankings(sql: Sql, foldVotes: () => Promise<void>, clock: Clock = systemClock) {
  const anchored = new LRUCache<string, Anchored>({ max: rankingsAnchoredFiltersMax });

  async function load({ page, limit, city }: RankingsPage): Promise<{ rows: readonly StandingRow[]; asOfMs: number }> {
    const query = { offset: (page - 1) * limit, limit, city };
    const asOfMs = clock.now();
    if (query.offset > rankingsOffsetMax) return { rows: [], asOfMs };
    const known = anchored.get(city);
    const anchor = known && asOfMs - known.asOfMs < freshBytesRefreshMs ? findAnchor(known, query.offset) : undefined;
    if (known !== undefined && anchor !== undefined) {
      return { rows: await listStandingsFrom(sql, anchor, query), asOfMs: known.asOfMs };
    }
    await foldVotes();
    const { rows, anchors } = await listStandings(sql, query);
    if (anchors.length > 0) anchored.set(city, { asOfMs, anchors });
    return { rows, asOfMs };
  }

  return openFreshBytes<RankingsPage>(
    ({ page, limit, city }) => `${page}:${limit}:${city}`,
    async (query) => {
      const { rows, asOfMs } = await load(query);
      return { value: toStandings(rows, query), asOfMs };
    },
    clock,
  );
}

/** The last one at or before the offset; anchors end where the deepest page so far did. */
function findAnchor({ anchors }: Anchored, offset: number): Anchor | undefined {
  return anchors.findLast(({ place }) => place <= offset);
}

function toStandings(rows: readonly StandingRow[], { page, limit }: RankingsPage) {
  return rows.map((row, index) => ({
    position: (page - 1) * limit + index + 1,
    username: `${row.first_name} ${row.last_name}`,
    city: row.city ?? '',
    votes: row.votes,
  }));
}
