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
  /** What the request's length says of the video's size at least, 0 where it says nothing. */
  announcedBytes: number;
  limits: UserLimits;
  /** Must have room for what is appended. The upload's until `finish` or `undo` was called; the caller closes it. */
  buffer: PartBuffer;
  signal: AbortSignal;
}

/**
 * One video on its way in. The order of effects, what undoes each, and what is left by a crash right behind it:
 *
 *   1. intent    a row names the key before S3 knows it. Undone last, and only once S3 has said that it holds nothing under
 *                the key. Crash: a sweep claims the intent when it is old, looks the key up in S3, aborts and deletes.
 *   2. parts     the multipart upload is created and filled. Undone by Abort; again after a moment, since a part that was cut
 *                off may be taken in behind the first one and bring the upload back. When Abort is not answered, or the
 *                answer to Create was lost and nobody knows the upload's id, the intent stays and leads the sweep to it.
 *                Crash: as after 1.
 *   3. Complete  the object appears whole. Its answer may be lost, be an error (a status of 200 with an error in the body,
 *                too) though all went well, or say that all went well though nothing did: the object itself is looked at, and
 *                what is there counts. Undone by Abort and then by deleting the object, which may have appeared after the
 *                look. Crash: as after 1; one that appears behind the deletion has neither row nor intent, and a sweep
 *                deletes it.
 *   4. row       one statement takes the intent away and inserts the video, so that at every moment exactly one of the two
 *                names the key. No intent means that a sweep has claimed it: nothing is inserted. When the answer of the
 *                database is lost, whoever gets the intent knows: still there, nothing was committed and nothing can be any
 *                more; gone, the row is looked for. While the database does not answer that either, nothing is undone:
 *                the row may be there, and then the object is its video; if it is not, the intent leads the sweep to it.
 *                Crash: the video is kept and will be processed, though its player was told nothing and may send it again.
 *   5. job       queued after the commit, and not needed for the answer: a row without a job is queued by the sweep, after a
 *                crash as well.
 *
 * From 3 on the client's leaving no longer counts. A key is made anew for every upload and never used twice, so nothing that
 * comes late can touch another upload's object.
 */
export function beginVideoUpload(parts: UploadDeps, options: UploadOptions) {
  const key = newUploadKey();
  const writer = openObjectWriter({
    ...parts,
    ...options,
    key,
    recordIntent: () => recordIntent(parts.sql, key, writer.bytes(), options),
  });
  let isRecognised = false;
  let isPictureRequired = false;
  let mayHaveRow = false;

  function append(bytes: Buffer): void {
    writer.append(bytes);
    if (writer.bytes() >= fileTypeEnd) recognise();
    if (options.buffer.isFull()) requirePicture();
  }

  /** Throws unless the bytes so far are an MP4's; decided once, as soon as there are enough of them. */
  function recognise(): void {
    if (isRecognised) return;
    if (!isVideoFileType(options.buffer.filled())) throw wrongFile(options.contentType);
    isRecognised = true;
  }

  /** Throws when the first part holds an index that lists sound and no picture. Decided once, when the part is complete. */
  function requirePicture(): void {
    if (isPictureRequired) return;
    isPictureRequired = true;
    if (lacksPicture(options.buffer.filled())) throw wrongFile(options.contentType);
  }

  /** Resolves when the video is stored, known and will be processed whatever happens next. */
  async function finish(title: string): Promise<{ videoId: number; taskId: string }> {
    requirePicture();
    const taskId = randomUUID();
    const { userId, requestId } = options;
    await writer.complete().catch(fail);
    const video = { userId, title, key, taskId, requestId, sizeBytes: writer.bytes() };
    const { id, rank } = await insertOrFindOut(video).catch(fail);
    await queue(parts, { videoId: String(id), taskId, requestId }, rank);
    return { videoId: id, taskId };
  }

  async function insertOrFindOut(video: NewVideo): Promise<{ id: number; rank?: number }> {
    let row: { id: number; rank?: number } | OverLimit | undefined;
    mayHaveRow = true;
    try {
      row = await inTime(insertWithinLimits(parts.sql, video, options.limits));
    } catch (error) {
      // Throws while the database is away: then nobody knows.
      mayHaveRow = !(await inTime(claimIntent(parts.sql, key)));
      if (!mayHaveRow) throw error;
      row = await inTime(findVideoOfTask(parts.sql, video.taskId));
    }
    if (typeof row === 'string') {
      mayHaveRow = false;
      throw overLimit(row, options.limits);
    }
    if (row === undefined) throw notKept(new Error(`The intent of ${key} was gone`));
    return row;
  }

  /** Settles everything, then takes back what there is; what cannot be taken back now is left to the sweep. */
  async function undo(): Promise<void> {
    if (mayHaveRow || !(await writer.undo())) return;
    await inTime(forgetIntents(parts.sql, [key])).catch(() => undefined);
  }

  /** What the client did is its own fault; anything else is a store that is out of reach or in trouble. */
  function fail(error: unknown): never {
    if (options.signal.aborted) throw options.signal.reason;
    if (error instanceof AppError || error instanceof AssertionError) throw error;
    throw notKept(error);
  }

  const flush = () => writer.flush().catch(fail);
  return { append, recognise, finish, undo, flush, bytes: writer.bytes };
}

/**
 * A query can wait for its connection without end. One that is given up here may still run later: then a row names the whole
 * object, or nothing names it, and a sweep takes it away.
 */
function inTime<T>(query: Promise<T>): Promise<T> {
  return withTimeout(query, databaseCallDeadlineMs, () => new Error('The database did not answer in time'));
}

/** Refuses what cannot fit before anything exists in S3. */
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

function notKept(cause: unknown): AppError {
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
