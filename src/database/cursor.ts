import type { AnySql } from './open.ts';

/**
 * The last video of a page, newest first. The cursor holds microseconds, as PostgreSQL does, since a Date holds only
 * milliseconds: videos of one millisecond are neither repeated nor skipped.
 */
export interface VideoCursor {
  uploadedAtMicros: number;
  id: number;
}

export interface PageOptions {
  limit?: number | undefined;
  cursor?: VideoCursor | undefined;
}

/** Returns the condition, for a query over `videos v`, that selects the rows after the cursor. */
export function afterCursor(sql: AnySql, cursor: VideoCursor | undefined) {
  if (cursor === undefined) return sql``;
  const { uploadedAtMicros, id } = cursor;
  return sql`and (v.uploaded_at, v.id) <
    (timestamptz 'epoch' + ${uploadedAtMicros}::float8 * interval '1 microsecond', ${id}::bigint)`;
}

/** Returns the column, for a query over `videos v`, from which the next page's cursor is built. */
export function uploadedAtMicros(sql: AnySql) {
  return sql`(extract(epoch from v.uploaded_at) * 1000000)::bigint as uploaded_at_micros`;
}

export function limitTo(sql: AnySql, limit: number | undefined) {
  return limit === undefined ? sql`` : sql`limit ${limit}`;
}
