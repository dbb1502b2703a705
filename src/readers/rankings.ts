import { createHash } from 'node:crypto';
import type { Sql } from '../database/open.ts';
import { listStandings } from '../database/rankings.ts';
import { rankingsOffsetMax } from '../limits.ts';
import { openFreshBytes } from './fresh-bytes.ts';

export type RankingsReader = ReturnType<typeof openRankings>;

export interface RankingsPage {
  readonly page: number;
  readonly limit: number;
  /** Taken literally, without regard to case; empty for every city. */
  readonly city: string;
}

export function openRankings(sql: Sql) {
  return openFreshBytes<RankingsPage>(
    ({ page, limit, city }) => `${page}:${limit}:${city}`,
    async ({ page, limit, city }) => {
      const offset = (page - 1) * limit;
      const rows = offset > rankingsOffsetMax ? [] : await listStandings(sql, { offset, limit, city });
      const standings = rows.map((row, index) => ({
        position: offset + index + 1,
        username: `${row.first_name} ${row.last_name}`,
        city: row.city ?? '',
        votes: row.votes,
      }));
      return prepare(standings);
    },
  );
}

/** As it goes out: the ETag is of the bytes, so that it holds over processes and restarts. */
export function prepare(value: unknown, headers: readonly (readonly [string, string])[] = []) {
  const bytes = Buffer.from(JSON.stringify(value));
  const etag = `"${createHash('sha1').update(bytes).digest('base64url')}"`;
  return { bytes, etag, headers: [['ETag', etag] as const, ['Cache-Control', 'no-cache'] as const, ...headers] };
}
