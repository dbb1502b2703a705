import type { VideoCursor } from '../database/cursor.ts';

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export function parseCursor(text: string | undefined): VideoCursor | undefined {
  if (text === undefined) return undefined;
  const [micros, id] = text.split('.');
  return { uploadedAtMicros: Number(micros), id: Number(id) };
}

/**
 * Returns the rows of a page, and the Link header when there is a next page. `rows` holds up to `limit` + 1 rows: the last one only
 * shows that there is a next page.
 */
export function cutPage<T extends { id: number; uploaded_at_micros: number }>(
  path: string,
  limit: number | undefined,
  rows: readonly T[],
): { rows: readonly T[]; headers: readonly (readonly [string, string])[] } {
  if (limit === undefined || rows.length <= limit) return { rows, headers: [] };
  const page = rows.slice(0, limit);
  const last = page.at(-1) as T;
  const next = `${path}?limit=${limit}&cursor=${last.uploaded_at_micros}.${last.id}`;
  return { rows: page, headers: [['Link', `<${next}>; rel="next"`]] };
}
