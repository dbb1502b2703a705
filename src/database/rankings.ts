import { rankingsBookmarkDepthMax, rankingsBookmarkEvery, rankingsCitiesMax } from '../limits.ts';
import type { AnySql } from './open.ts';

export interface StandingRow {
  first_name: string;
  last_name: string;
  city: string | null;
  votes: number;
}

/** The keyset of one user of the ranking, from which a later page can start. `position` counts from 1. */
export interface Bookmark {
  readonly position: number;
  readonly votes: number;
  readonly id: number;
}

export interface StandingsQuery {
  readonly offset: number;
  readonly limit: number;
  /** Matched literally and case-insensitively. Empty for no filter. */
  readonly city: string;
}

type RankedRow = StandingRow & Bookmark;

/**
 * Resolves to a page of the ranking: most votes first, ties by id. Scans from the top, so the cost grows with the offset. Returns
 * the bookmarks found on the way, from which `listStandingsFrom` can start.
 */
export async function listStandings(
  sql: AnySql,
  query: StandingsQuery,
): Promise<{ rows: StandingRow[]; bookmarks: Bookmark[] }> {
  const { offset, limit, city } = query;
  const found = await sql<RankedRow[]>`
    ${withCities(sql, city)}
    select position, id, votes, first_name, last_name, city from (
      select *, row_number() over (order by votes desc, id) as position
      from (${candidates(sql, city, offset + limit)}) as candidate
      order by votes desc, id limit ${offset + limit}
    ) as ranked
    where ranked.position > ${offset}
      or (ranked.position % ${rankingsBookmarkEvery} = 0 and ranked.position <= ${rankingsBookmarkDepthMax})
    order by ranked.position`;
  const isBookmark = ({ position }: Bookmark) =>
    position % rankingsBookmarkEvery === 0 && position <= rankingsBookmarkDepthMax;
  return {
    rows: found.filter(({ position }) => position > offset),
    bookmarks: found.filter(isBookmark).map(({ position, votes, id }) => ({ position, votes, id })),
  };
}

/** Resolves to the same page, scanned from a bookmark at or before the offset: the cost depends on their distance alone. */
export async function listStandingsFrom(
  sql: AnySql,
  bookmark: Bookmark,
  query: StandingsQuery,
): Promise<StandingRow[]> {
  const { offset, limit, city } = query;
  const skipped = offset - bookmark.position;
  return sql<StandingRow[]>`
    ${withCities(sql, city)}
    select first_name, last_name, city, votes from (${candidates(sql, city, skipped + limit, bookmark)}) as candidate
    order by votes desc, id offset ${skipped} limit ${limit}`;
}

/** Returns a query whose rows contain the first `depth` users of the ranking. Each range is read in the order of an index. */
function candidates(sql: AnySql, city: string, depth: number, bookmark?: Bookmark) {
  if (city === '') return ranges(sql, sql`true`, depth, bookmark);
  return sql`
    select in_city.* from matching cross join lateral (
      ${ranges(sql, sql`city_folded = matching.name`, depth, bookmark)}
    ) as in_city
    where (select count(*) from matching) <= ${rankingsCitiesMax}
    union all
    (select anywhere.* from (${ranges(sql, matches(sql, city), depth, bookmark)}) as anywhere
    where (select count(*) from matching) > ${rankingsCitiesMax})`;
}

/** Returns one range from the top, or two after a bookmark: users with as many votes and a greater id, and users with fewer votes. */
function ranges(sql: AnySql, condition: ReturnType<typeof matches>, depth: number, bookmark?: Bookmark) {
  const range = (bound: ReturnType<typeof matches>) => sql`
    (select id, first_name, last_name, city, votes from users where ${condition} ${bound}
    order by votes desc, id limit ${depth})`;
  if (bookmark === undefined) return range(sql``);
  const { votes, id } = bookmark;
  return sql`${range(sql`and votes = ${votes} and id > ${id}`)} union all ${range(sql`and votes < ${votes}`)}`;
}

/**
 * Returns a CTE of the cities that match, found by a loose index scan. When more than `rankingsCitiesMax` match, so many users
 * match that a scan of the whole ranking finds enough of them soon; the CTE then stops one above the bound.
 */
function withCities(sql: AnySql, city: string) {
  if (city === '') return sql``;
  const next = sql`select min(city_folded) from users where city_folded is not null`;
  return sql`
    with recursive known (city_folded) as (
      (${next})
      union all
      select (${next} and city_folded > known.city_folded) from known where known.city_folded is not null
    ), matching (name) as materialized (
      select city_folded from known where ${matches(sql, city)} limit ${rankingsCitiesMax + 1}
    )`;
}

/** Matches the filter literally and case-insensitively. PostgreSQL's built-in collation gives the same result on every server. */
function matches(sql: AnySql, city: string) {
  return sql`city_folded is not null
    and position(lower(upper(${city}::text collate pg_c_utf8)) in city_folded) > 0`;
}
