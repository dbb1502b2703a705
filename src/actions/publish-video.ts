import type { Sql } from '../database/open.ts';
import { findVideo, publishVideo, unpublishVideo, type VideoRow } from '../database/videos.ts';
import { AppError } from '../errors.ts';

export async function publishOwnVideo(sql: Sql, userId: number, videoId: number): Promise<void> {
  await findOwnVideo(sql, userId, videoId);
  const outcome = await publishVideo(sql, videoId);
  if (outcome === 'not_found') throw videoNotFound();
  if (outcome === 'not_processed') throw new AppError('video_not_processed');
}

/** Withdraws a public video, which keeps its votes and can then be deleted. */
export async function unpublishOwnVideo(sql: Sql, userId: number, videoId: number): Promise<void> {
  await findOwnVideo(sql, userId, videoId);
  const outcome = await unpublishVideo(sql, videoId);
  if (outcome === 'not_found') throw videoNotFound();
  if (outcome === 'not_public') throw new AppError('video_not_public');
}

/** Resolves to the video. Throws 404 before 403, as older clients expect. */
export async function findOwnVideo(sql: Sql, userId: number, videoId: number): Promise<VideoRow> {
  const video = await findVideo(sql, videoId);
  if (video === undefined) throw videoNotFound();
  if (video.user_id !== userId) throw new AppError('not_owner');
  return video;
}

export function videoNotFound(): AppError {
  return new AppError('video_not_found');
}
