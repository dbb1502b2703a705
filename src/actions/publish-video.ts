import type { Sql } from '../database/open.ts';
import { findVideo, publishVideo, type VideoRow } from '../database/videos.ts';
import { AppError } from '../errors.ts';

export async function publishOwnVideo(sql: Sql, userId: number, videoId: number): Promise<void> {
  await findOwnVideo(sql, userId, videoId);
  const outcome = await publishVideo(sql, videoId);
  if (outcome === 'not_found') throw videoNotFound();
  if (outcome === 'not_processed') throw new AppError('bad_request', 'Video is not processed');
}

/** Resolves to the video. Throws 404 before 403, which is the order that clients know. */
export async function findOwnVideo(sql: Sql, userId: number, videoId: number): Promise<VideoRow> {
  const video = await findVideo(sql, videoId);
  if (video === undefined) throw videoNotFound();
  if (video.user_id !== userId) throw new AppError('forbidden', 'You are not authorized');
  return video;
}

export function videoNotFound(): AppError {
  return new AppError('not_found', 'Video not found');
}
