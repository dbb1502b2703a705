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
 * One row more than the page was asked of the database: it says that there is a next page, and is not part of this one.
 * Gives the page's rows, and the Link header where there is more.
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
