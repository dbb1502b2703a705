import { forgetIntents } from '../database/object-intents.ts';
import type { Sql } from '../database/open.ts';
import { deleteVideo } from '../database/videos.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { VoteCountFlusher } from './flush-vote-counts.ts';
import { findOwnVideo, videoNotFound } from './publish-video.ts';

interface DeleteParts {
  sql: Sql;
  objects: ObjectStore;
  log: Logger;
  voteCountFlusher: Pick<VoteCountFlusher, 'soon'>;
}

/**
 * The row and its votes go first, in one transaction that also writes down which objects are to go: from then on nobody
 * sees the video. The objects follow before the answer; those that S3 does not let go of now are left to the sweep.
 */
export async function deleteOwnVideo(
  { sql, objects, log, voteCountFlusher }: DeleteParts,
  userId: number,
  videoId: number,
): Promise<void> {
  await findOwnVideo(sql, userId, videoId);
  const result = await deleteVideo(sql, videoId);
  if (result.outcome === 'not_found') throw videoNotFound();
  if (result.outcome === 'public') throw new AppError('video_is_public');
  voteCountFlusher.soon();
  try {
    await Promise.all(result.keys.map((key) => objects.deleteObject(key)));
    await forgetIntents(sql, result.keys);
  } catch (error) {
    log.warn({ videoId, err: error }, 'objects of a deleted video are left to the sweep');
  }
}
