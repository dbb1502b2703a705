import { rankingsBookmarkDepthMax, rankingsBookmarkEvery, rankingsCitiesMax } from '../limits.ts';
import type { AnySql } from './open.ts';

export interface StandingRow {
  first_name: string;
  last_name: string;
  city: string | null;
  votes: number;
}

/** A user by whose place the ranking can be entered in its middle: `place` users are ranked up to and including this one. */
export interface Bookmark {
  readonly place: number;
  readonly votes: number;
  readonly id: number;
}

export interface StandingsQuery {
  readonly offset: number;
  readonly limit: number;
  /** Taken literally, without regard to case; empty is no filter. */
  readonly city: string;
}

type RankedRow = StandingRow & Bookmark;

/**
 * Every user, most votes first, ties by id, counted from the first one: its cost grows with the offset. So on its way it
 * takes down bookmarks, for other pages to begin from.
 */
export async function listStandings(
  sql: AnySql,
  query: StandingsQuery,
): Promise<{ rows: StandingRow[]; bookmarks: Bookmark[] }> {
  const { offset, limit, city } = query;
  const found = await sql<RankedRow[]>`
    ${withCities(sql, city)}
    select place, id, votes, first_name, last_name, city from (
      select *, row_number() over (order by votes desc, id) as place
      from (${candidates(sql, city, offset + limit)}) as candidate
      order by votes desc, id limit ${offset + limit}
    ) as ranked
    where place > ${offset} or (place % ${rankingsBookmarkEvery} = 0 and place <= ${rankingsBookmarkDepthMax})
    order by place`;
  const isBookmark = ({ place }: Bookmark) => place % rankingsBookmarkEvery === 0 && place <= rankingsBookmarkDepthMax;
  return {
    rows: found.filter(({ place }) => place > offset),
    bookmarks: found.filter(isBookmark).map(({ place, votes, id }) => ({ place, votes, id })),
  };
}

/** The same, counted from a bookmark at or before the offset: what it costs depends on their distance alone. */
export async function listStandingsFrom(
  sql: AnySql,
  bookmark: Bookmark,
  query: StandingsQuery,
): Promise<StandingRow[]> {
  const { offset, limit, city } = query;
  const skipped = offset - bookmark.place;
  return sql<StandingRow[]>`
    ${withCities(sql, city)}
    select first_name, last_name, city, votes from (${candidates(sql, city, skipped + limit, bookmark)}) as candidate
    order by votes desc, id offset ${skipped} limit ${limit}`;
}

/** Users among whom the first `depth` are found, each range read from an index in its order and no further. */
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

/** Behind a bookmark two ranges: who has as many votes and a greater id, and who has fewer. */
function ranges(sql: AnySql, condition: ReturnType<typeof matches>, depth: number, bookmark?: Bookmark) {
  const range = (bound: ReturnType<typeof matches>) => sql`
    (select id, first_name, last_name, city, votes from users where ${condition} ${bound}
    order by votes desc, id limit ${depth})`;
  if (bookmark === undefined) return range(sql``);
  const { votes, id } = bookmark;
  return sql`${range(sql`and votes = ${votes} and id > ${id}`)} union all ${range(sql`and votes < ${votes}`)}`;
}

/**
 * The cities that match, found by going from one to the next in the index. Where there are many, so many users match that
 * reading the whole ranking soon finds enough of them: then it only matters that there are more than the bound.
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

/** Folded by PostgreSQL's own collation, so that it is the same wherever the database stands; no pattern, so no escapes. */
function matches(sql: AnySql, city: string) {
  return sql`city_folded is not null
    and position(lower(upper(${city}::text collate pg_c_utf8)) in city_folded) > 0`;
}
