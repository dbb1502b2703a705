import { AssertionError } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { claimIntent, forgetIntents } from '../database/object-intents.ts';
import type { Sql } from '../database/open.ts';
import { insertWithinLimits, type OverLimit, recordUploadIntent, type UserLimits } from '../database/quota.ts';
import { findVideoOfTask } from '../database/tasks.ts';
import { AppError } from '../errors.ts';
import { databaseCallDeadlineMs, videoFileMaxBytes } from '../limits.ts';
import type { Logger } from '../log.ts';
import { fileTypeEnd, isVideoFileType, lacksPicture } from '../mp4/file-type.ts';
import { newUploadKey } from '../objects/keys.ts';
import type { PartBuffer } from '../objects/part-buffer.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { VideoJob, VideoProducer } from '../queue/video-queue.ts';
import { withTimeout } from '../with-timeout.ts';
import { openObjectWriter } from './object-writer.ts';

export type VideoUpload = ReturnType<typeof beginVideoUpload>;

export interface UploadDeps {
  sql: Sql;
  objects: ObjectStore;
  producer: VideoProducer;
  log: Logger;
}

interface UploadOptions {
  userId: number;
  requestId: string;
  contentType: string;
  /** The minimum size of the video that follows from Content-Length, 0 without one. */
  announcedBytes: number;
  limits: UserLimits;
  /** Must have room for what is appended. Belongs to the upload until `finish` or `undo` is called. The caller closes it. */
  buffer: PartBuffer;
  signal: AbortSignal;
}

/**
 * Stores one video while its bytes arrive. The order of effects, what undoes each, and what is left by a crash right after it:
 *
 *   1. intent    a row names the key before S3 knows it. Undone last, and only when S3 has confirmed that it holds nothing
 *                under the key. Crash: a sweep claims the intent when it is old, looks the key up in S3, aborts and deletes.
 *   2. parts     the multipart upload is created and filled. Undone by Abort, and by a second Abort after a moment, since a
 *                part that was cut off may be stored after the first one and recreate the upload. When Abort gets no response,
 *                or the response to Create was lost and with it the upload's id, the intent stays and leads the sweep to the
 *                upload. Crash: as after 1.
 *   3. Complete  the object appears whole. The response may be lost, be an error after success (also with a status of 200 and
 *                the error in the body), or report success after a failure: the object itself is therefore checked. Undone by
 *                Abort and then by deleting the object, which may have appeared after the check. Crash: as after 1. An object
 *                that appears after the deletion has neither row nor intent, and a sweep deletes it.
 *   4. row       one statement deletes the intent and inserts the video, so that at every moment exactly one of the two
 *                names the key. No intent means that a sweep has claimed it: nothing is inserted. When the response of the
 *                database is lost, claiming the intent shows the outcome. If the intent is still there, nothing was committed
 *                and nothing can be any more. If it is gone, the row is looked up. If the database does not answer that
 *                either, nothing is undone: the row may exist, and then the object is its video. If it does not exist, the
 *                intent leads the sweep to the object. Crash: the video is kept and will be processed, though the client got
 *                no response and may send it again.
 *   5. job       queued after the commit, and not needed for the response: the sweep queues a row without a job, also after a
 *                crash.
 *
 * From 3 on a client that leaves no longer aborts the upload. Each upload has a new key, which is never used twice, so no late
 * effect can touch another upload's object.
 */
export function beginVideoUpload(deps: UploadDeps, options: UploadOptions) {
  const key = newUploadKey();
  const writer = openObjectWriter({
    ...deps,
    ...options,
    key,
    recordIntent: () => recordIntent(deps.sql, key, writer.bytes(), options),
  });
  let isRecognised = false;
  let isPictureRequired = false;
  let mayHaveRow = false;

  function append(bytes: Buffer): void {
    writer.append(bytes);
    if (writer.bytes() >= fileTypeEnd) recognise();
    if (options.buffer.isFull()) requirePicture();
  }

  /** Throws unless the bytes so far begin an MP4. Decided once, as soon as there are enough of them. */
  function recognise(): void {
    if (isRecognised) return;
    if (!isVideoFileType(options.buffer.filled())) throw wrongFile(options.contentType);
    isRecognised = true;
  }

  /** Throws when the first part contains an index that lists sound and no picture. Decided once, when the part is complete. */
  function requirePicture(): void {
    if (isPictureRequired) return;
    isPictureRequired = true;
    if (lacksPicture(options.buffer.filled())) throw wrongFile(options.contentType);
  }

  /** Resolves when the object and its row are stored: from then on the video will be processed, also after a crash. */
  async function finish(title: string): Promise<{ videoId: number; taskId: string }> {
    requirePicture();
    const taskId = randomUUID();
    const { userId, requestId } = options;
    await writer.complete().catch(fail);
    const video = { userId, title, key, taskId, requestId, sizeBytes: writer.bytes() };
    const { id, rank } = await insertOrFindOut(video).catch(fail);
    await queue(deps, { videoId: String(id), taskId, requestId }, rank);
    return { videoId: id, taskId };
  }

  async function insertOrFindOut(video: NewVideo): Promise<{ id: number; rank?: number }> {
    let row: { id: number; rank?: number } | OverLimit | undefined;
    mayHaveRow = true;
    try {
      row = await inTime(insertWithinLimits(deps.sql, video, options.limits));
    } catch (error) {
      // Throws while the database is unavailable: the outcome is then unknown.
      mayHaveRow = !(await inTime(claimIntent(deps.sql, key)));
      if (!mayHaveRow) throw error;
      row = await inTime(findVideoOfTask(deps.sql, video.taskId));
    }
    if (typeof row === 'string') {
      mayHaveRow = false;
      throw overLimit(row, options.limits);
    }
    if (row === undefined) throw notStored(new Error(`Expected the intent of ${key} or a row to exist, got neither`));
    return row;
  }

  /** Waits for the calls in flight, then removes what was stored. The sweep removes what cannot be removed now. */
  async function undo(): Promise<void> {
    if (mayHaveRow || !(await writer.undo())) return;
    await inTime(forgetIntents(deps.sql, [key])).catch(() => undefined);
  }

  /** Rethrows errors of the client and of the code. Any other error comes from an unavailable or failing store: 503. */
  function fail(error: unknown): never {
    if (options.signal.aborted) throw options.signal.reason;
    if (error instanceof AppError || error instanceof AssertionError) throw error;
    throw notStored(error);
  }

  const flush = () => writer.flush().catch(fail);
  return { append, recognise, finish, undo, flush, bytes: writer.bytes };
}

/**
 * Rejects when a query takes too long, because it can wait for its connection without end. The query may still run later: then a
 * row names the whole object, or nothing names it, and a sweep deletes it.
 */
function inTime<T>(query: Promise<T>): Promise<T> {
  return withTimeout(query, databaseCallDeadlineMs, () => new Error('The database did not answer in time'));
}

/** Records the intent. Rejects an upload that cannot fit before anything exists in S3. */
async function recordIntent(
  sql: Sql,
  key: string,
  bytesSoFar: number,
  { userId, announcedBytes, limits }: UploadOptions,
): Promise<void> {
  const knownBytes = Math.max(announcedBytes, bytesSoFar);
  const result = await inTime(recordUploadIntent(sql, { key, userId, knownBytes }, limits));
  if (result !== 'recorded') throw overLimit(result, limits);
}

type NewVideo = Parameters<typeof insertWithinLimits>[1];

function overLimit(reason: OverLimit, { quotaBytes, waitingMax }: UserLimits): AppError {
  return reason === 'quota_exceeded'
    ? new AppError('quota_exceeded', { values: { quotaBytes } })
    : new AppError('too_many_waiting', { values: { waitingMax } });
}

function notStored(cause: unknown): AppError {
  return new AppError('upload_not_stored', { cause });
}

async function queue({ producer, log }: UploadDeps, job: VideoJob, rank: number | undefined): Promise<void> {
  try {
    await producer.add(job, rank);
  } catch (error) {
    log.warn({ ...job, err: error }, 'job not queued, left to the sweep');
  }
}

export function wrongFile(contentType: string): AppError {
  return new AppError('wrong_file_type', { values: { contentType } });
}

export function emptyFile(): AppError {
  return new AppError('file_empty');
}

export function tooLargeFile(bytes: number): AppError {
  const size = (bytes / (1024 * 1024)).toFixed(2);
  const limit = videoFileMaxBytes / (1024 * 1024);
  return new AppError('file_too_large', { values: { limit, size } });
}
