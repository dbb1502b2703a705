import { uploadsRankedMax } from '../limits.ts';
import { afterCursor, limitTo, type PageOptions, uploadedAtMicros } from './cursor.ts';
import { type AnySql, inTransaction, type Sql } from './open.ts';

export type VideoStatus = 'uploaded' | 'processed' | 'public' | 'failed';

export interface VideoRow {
  id: number;
  title: string;
  status: VideoStatus;
  user_id: number;
  uploaded_at: Date;
  uploaded_at_micros: number;
  processed_at: Date | null;
  original_url: string | null;
  processed_url: string | null;
  poster_url: string | null;
  votes: number;
}

export interface UploadedVideo {
  userId: number;
  title: string;
  key: string;
  taskId: string;
  requestId: string;
  sizeBytes: number;
}

/**
 * Inserts the row of an upload and deletes its intent. Resolves to undefined when a sweep has claimed the intent: the object is
 * being deleted, so no row may name it. `rank` is the video's position among its player's waiting videos, counted over the
 * player's latest `uploadsRankedMax` uploads.
 */
export async function insertUploadedVideo(
  sql: AnySql,
  video: UploadedVideo,
): Promise<{ id: number; rank: number } | undefined> {
  const [row] = await sql<{ id: number; rank: number }[]>`
    with intent as (delete from object_intents where key = ${video.key} returning key)
    insert into videos (title, status, user_id, original_url, task_id, request_id, size_bytes)
    select ${video.title}, 'uploaded', ${video.userId}, key, ${video.taskId}, ${video.requestId}, ${video.sizeBytes}
    from intent
    returning id, 1 + (
      select count(*) from (
        select status from videos
        where user_id = ${video.userId} order by uploaded_at desc, id desc limit ${uploadsRankedMax}
      ) as latest
      where status = 'uploaded'
    ) as rank`;
  return row;
}

export async function findVideo(sql: AnySql, id: number): Promise<VideoRow | undefined> {
  const [row] = await sql<VideoRow[]>`select ${videoColumns(sql)} from videos v where v.id = ${id}`;
  return row;
}

/** Resolves to the user's videos, newest first, ties by id. */
export async function listVideosOfUser(sql: AnySql, userId: number, page: PageOptions = {}): Promise<VideoRow[]> {
  return sql<VideoRow[]>`
    select ${videoColumns(sql)} from videos v
    where v.user_id = ${userId} ${afterCursor(sql, page.cursor)}
    order by v.uploaded_at desc, v.id desc
    ${limitTo(sql, page.limit)}`;
}

/** Publishes a processed video. A public video stays public. */
export async function publishVideo(sql: AnySql, id: number): Promise<'public' | 'not_processed' | 'not_found'> {
  const changed = await sql`update videos set status = 'public' where id = ${id} and status = 'processed'`;
  if (changed.count > 0) return 'public';
  const [row] = await sql<{ status: VideoStatus }[]>`select status from videos where id = ${id}`;
  if (row === undefined) return 'not_found';
  return row.status === 'public' ? 'public' : 'not_processed';
}

/** Withdraws a public video, which keeps its votes. A processed video stays processed. */
export async function unpublishVideo(sql: AnySql, id: number): Promise<'processed' | 'not_public' | 'not_found'> {
  const changed = await sql`update videos set status = 'processed' where id = ${id} and status = 'public'`;
  if (changed.count > 0) return 'processed';
  const [row] = await sql<{ status: VideoStatus }[]>`select status from videos where id = ${id}`;
  if (row === undefined) return 'not_found';
  return row.status === 'processed' ? 'processed' : 'not_public';
}

export type DeleteOutcome = { outcome: 'deleted'; keys: string[] } | { outcome: 'public' } | { outcome: 'not_found' };

/**
 * Deletes the video and its votes, appends the negative delta of its owner and records intents for its objects, in one
 * transaction. The caller deletes the objects of `keys` and then their intents; a sweep does it when the caller crashes.
 */
export async function deleteVideo(sql: Sql, id: number): Promise<DeleteOutcome> {
  return inTransaction(sql, async (tx): Promise<DeleteOutcome> => {
    const [video] = await tx<LockedVideo[]>`
      select status, user_id, votes, array_remove(array[original_url, processed_url, poster_url], null) as keys
      from videos where id = ${id} for update`;
    if (video === undefined) return { outcome: 'not_found' };
    if (video.status === 'public') return { outcome: 'public' };
    await tx`delete from videos where id = ${id}`;
    if (video.votes > 0) {
      await tx`
        insert into vote_deltas (user_ids, votes)
        values (array[${video.user_id}::bigint], array[${-video.votes}::bigint])`;
    }
    const keys = await dropSharedKeys(tx, video.keys);
    await tx`
      insert into object_intents (key) select unnest(${keys}::text[])
      on conflict (key) do nothing`;
    return { outcome: 'deleted', keys };
  });
}

interface LockedVideo {
  status: VideoStatus;
  user_id: number;
  votes: number;
  keys: string[];
}

/** Returns the keys that no other row names. An older system named objects by user and second, so two rows can share one. */
export async function dropSharedKeys(sql: AnySql, keys: string[]): Promise<string[]> {
  const named = await keysOfVideos(sql, keys);
  return [...new Set(keys)].filter((key) => !named.has(key));
}

/** Resolves to the keys among `keys` that a video or an intent names. Other objects under this service's keys are garbage. */
export async function keysInUse(sql: AnySql, keys: string[]): Promise<Set<string>> {
  // One statement has one snapshot: a key that moves from an intent to a row is seen in one of them.
  const rows = await sql<{ key: string }[]>`
    ${selectKeysOfVideos(sql, keys)}
    union all select key from object_intents where key = any(${keys}::text[])`;
  return new Set(rows.map((row) => row.key));
}

async function keysOfVideos(sql: AnySql, keys: string[]): Promise<Set<string>> {
  const rows = await sql<{ key: string }[]>`${selectKeysOfVideos(sql, keys)}`;
  return new Set(rows.map((row) => row.key));
}

function selectKeysOfVideos(sql: AnySql, keys: string[]) {
  return sql`
    select original_url as key from videos where original_url = any(${keys}::text[])
    union all select processed_url from videos where processed_url = any(${keys}::text[])
    union all select poster_url from videos where poster_url = any(${keys}::text[])`;
}

function videoColumns(sql: AnySql) {
  return sql`v.id, v.title, v.status, v.user_id, v.uploaded_at, ${uploadedAtMicros(sql)}, v.processed_at,
    v.original_url, v.processed_url, v.poster_url, v.votes`;
}
