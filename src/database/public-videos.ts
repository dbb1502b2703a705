import { afterCursor, limitTo, type PageOptions, uploadedAtMicros } from './cursor.ts';
import type { AnySql } from './open.ts';

export interface PublicVideoRow {
  id: number;
  title: string;
  uploaded_at: Date;
  uploaded_at_micros: number;
  processed_url: string | null;
  poster_url: string | null;
  owner_name: string;
  owner_city: string | null;
}

/** Resolves to public videos, newest first, ties by id. */
export async function listPublicVideos(sql: AnySql, page: PageOptions = {}): Promise<PublicVideoRow[]> {
  return sql<PublicVideoRow[]>`
    select v.id, v.title, v.uploaded_at, ${uploadedAtMicros(sql)},
      v.processed_url, v.poster_url, u.first_name as owner_name, u.city as owner_city
    from videos v join users u on u.id = v.user_id
    where v.status = 'public' ${afterCursor(sql, page.cursor)}
    order by v.uploaded_at desc, v.id desc
    ${limitTo(sql, page.limit)}`;
}
