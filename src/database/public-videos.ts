import { beforeCursor, limitTo, type VideoCursor } from './cursor.ts';
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

/** Newest first. */
export async function listPublicVideos(
  sql: AnySql,
  { limit, cursor }: { limit?: number | undefined; cursor?: VideoCursor | undefined },
): Promise<PublicVideoRow[]> {
  return sql<PublicVideoRow[]>`
    select v.id, v.title, v.uploaded_at, (extract(epoch from v.uploaded_at) * 1000000)::bigint as uploaded_at_micros,
      v.processed_url, v.poster_url, u.first_name as owner_name, u.city as owner_city
    from videos v join users u on u.id = v.user_id
    where v.status = 'public' ${beforeCursor(sql, cursor)}
    order by v.uploaded_at desc, v.id desc ${limitTo(sql, limit)}`;
}
