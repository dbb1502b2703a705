import { systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { listPublicVideos } from '../database/public-videos.ts';
import type { ChangeCounter } from './change-counter.ts';
import type { MediaLinks } from './media-links.ts';
import { cutPage, type PageQuery, parseCursor } from './page-links.ts';
import { openResponseCache } from './response-cache.ts';

export type PublicVideos = ReturnType<typeof openPublicVideos>;

export function openPublicVideos(sql: Sql, links: MediaLinks, changes: Pick<ChangeCounter, 'read'>) {
  return openResponseCache<PageQuery>(
    ({ limit, cursor }) => `${limit ?? ''}:${cursor ?? ''}`,
    async ({ limit, cursor }) => {
      const found = await listPublicVideos(sql, {
        limit: limit === undefined ? undefined : limit + 1,
        cursor: parseCursor(cursor),
      });
      const page = cutPage('/api/public/videos', limit, found);
      const videos = await Promise.all(
        page.rows.map(async (row) => ({
          id: row.id,
          title: row.title,
          uploaded_at: row.uploaded_at,
          processed_url: row.processed_url,
          owner_name: row.owner_name,
          owner_city: row.owner_city,
          playback_url: await links(row.processed_url),
          poster_url: await links(row.poster_url),
        })),
      );
      return { value: videos, headers: page.headers };
    },
    systemClock,
    changes,
  );
}
