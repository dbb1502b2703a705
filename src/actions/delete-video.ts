import { forgetIntents } from '../database/object-intents.ts';
import type { Sql } from '../database/open.ts';
import { deleteVideo } from '../database/videos.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { VoteCountFlusher } from './flush-vote-counts.ts';
import { findOwnVideo, videoNotFound } from './publish-video.ts';

interface DeleteDeps {
  sql: Sql;
  objects: ObjectStore;
  log: Logger;
  voteCountFlusher: Pick<VoteCountFlusher, 'schedule'>;
}

/**
 * Deletes a video of the user. One transaction deletes the row and its votes and records intents for the objects: from then on
 * no client sees the video. The objects are deleted before the response; the sweep deletes those that S3 does not delete now.
 */
export async function deleteOwnVideo(
  { sql, objects, log, voteCountFlusher }: DeleteDeps,
  userId: number,
  videoId: number,
): Promise<void> {
  await findOwnVideo(sql, userId, videoId);
  const result = await deleteVideo(sql, videoId);
  if (result.outcome === 'not_found') throw videoNotFound();
  if (result.outcome === 'public') throw new AppError('bad_request', 'Video is public');
  voteCountFlusher.schedule();
  try {
    await Promise.all(result.keys.map((key) => objects.deleteObject(key)));
    await forgetIntents(sql, result.keys);
  } catch (error) {
    log.warn({ videoId, err: error }, 'objects of a deleted video not deleted, left to the sweep');
  }
}
