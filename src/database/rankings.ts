import type { AnySql } from './open.ts';

export interface StandingRow {
  first_name: string;
  last_name: string;
  city: string | null;
  votes: number;
}

/** Every user, most votes first, ties by id. `city` is taken literally, without regard to case; empty is no filter. */
export async function listStandings(
  sql: AnySql,
  { offset, limit, city }: { offset: number; limit: number; city: string },
): Promise<StandingRow[]> {
  const filter =
    city === ''
      ? sql``
      : sql`where city_folded is not null
            and position(lower(upper(${city}::text collate pg_c_utf8)) in city_folded) > 0`;
  return sql<StandingRow[]>`
    select first_name, last_name, city, votes from users ${filter}
    order by votes desc, id offset ${offset} limit ${limit}`;
}
