import type { Sql } from '../database/open.ts';
import { listVideosOfUser, type VideoRow } from '../database/videos.ts';
import type { MediaLinks } from './media-links.ts';
import { cutPage, type PageQuery, parseCursor } from './page-links.ts';

export async function readOwnVideos(sql: Sql, userId: number, { limit, cursor }: PageQuery) {
  const found = await listVideosOfUser(sql, userId, {
    limit: limit === undefined ? undefined : limit + 1,
    cursor: parseCursor(cursor),
  });
  const page = cutPage('/api/videos', limit, found);
  return {
    headers: page.headers,
    videos: page.rows.map((row) => ({ ...summarise(row), processed_url: row.processed_url })),
  };
}

export async function describeVideo(video: VideoRow, links: MediaLinks) {
  return {
    ...summarise(video),
    original_url: video.original_url,
    processed_url: video.processed_url,
    votes: video.votes,
    playback_url: await links(video.processed_url),
    poster_url: await links(video.poster_url),
  };
}

function summarise(row: VideoRow) {
  return {
    video_id: row.id,
    title: row.title,
    status: row.status,
    uploaded_at: row.uploaded_at,
    processed_at: row.processed_at,
  };
}
