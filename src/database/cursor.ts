import type { AnySql } from './open.ts';

/**
 * Where a page of videos, newest first, ended. PostgreSQL keeps microseconds and a Date only milliseconds, so a page goes
 * on from the number of microseconds: nothing is repeated or skipped between videos of one millisecond.
 */
export interface VideoCursor {
  uploadedAtMicros: number;
  id: number;
}

export interface PageOptions {
  limit?: number | undefined;
  cursor?: VideoCursor | undefined;
}

/** For a query over `videos v`: the rows after the cursor. */
export function afterCursor(sql: AnySql, cursor: VideoCursor | undefined) {
  if (cursor === undefined) return sql``;
  const { uploadedAtMicros, id } = cursor;
  return sql`and (v.uploaded_at, v.id) <
    (timestamptz 'epoch' + ${uploadedAtMicros}::float8 * interval '1 microsecond', ${id}::bigint)`;
}

/** For a query over `videos v`: what the next page's cursor is made of. */
export function uploadedAtMicros(sql: AnySql) {
  return sql`(extract(epoch from v.uploaded_at) * 1000000)::bigint as uploaded_at_micros`;
}

export function limitTo(sql: AnySql, limit: number | undefined) {
  return limit === undefined ? sql`` : sql`limit ${limit}`;
}
