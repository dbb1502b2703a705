import { uploadsRankedMax } from '../limits.ts';
import type { AnySql } from './open.ts';
import type { UploadedVideo } from './videos.ts';

export interface UserLimits {
  /** Bytes of all original videos of a user. */
  readonly quotaBytes: number;
  /** Videos of a user that wait to be processed. */
  readonly waitingMax: number;
}

export type OverLimit = 'quota_exceeded' | 'too_many_waiting';

/**
 * Records the key of an upload, unless the known part of its size exceeds the quota or too many videos wait. The user's videos are
 * counted in the same statement, so that the check costs no query. Each of several concurrent uploads may pass here:
 * `insertWithinLimits` enforces the limits.
 */
export async function recordUploadIntent(
  sql: AnySql,
  upload: { key: string; userId: number; knownBytes: number },
  { quotaBytes, waitingMax }: UserLimits,
): Promise<'recorded' | OverLimit> {
  const [row] = await sql<(Usage & { is_recorded: boolean })[]>`
    with usage as materialized (${selectUsage(sql, upload.userId)}),
    intent as (
      insert into object_intents (key)
      select ${upload.key} from usage
      where bytes + ${upload.knownBytes} <= ${quotaBytes} and waiting < ${waitingMax}
      returning key
    )
    select bytes, waiting, exists (select from intent) as is_recorded from usage`;
  if (row?.is_recorded === true) return 'recorded';
  return (row?.waiting ?? 0) >= waitingMax ? 'too_many_waiting' : 'quota_exceeded';
}

/**
 * Inserts the video while the user's row is locked, so that concurrent uploads cannot exceed the limits together. One statement
 * deletes the intent and inserts the row. Resolves to undefined when a sweep has claimed the intent, or when the user was deleted
 * meanwhile. `rank` is the position of the video among the user's waiting ones, counted over the latest uploads.
 */
export async function insertWithinLimits(
  sql: AnySql,
  video: UploadedVideo,
  { quotaBytes, waitingMax }: UserLimits,
): Promise<{ id: number; rank: number } | OverLimit | undefined> {
  const [row] = await sql<(Usage & { id: number | null; rank: number })[]>`
    with usage as materialized (select bytes, waiting from lock_user_usage(${video.userId})),
    intent as (
      delete from object_intents where key = ${video.key} and exists (
        select from usage where bytes + ${video.sizeBytes} <= ${quotaBytes} and waiting < ${waitingMax}
      )
      returning key
    ), inserted as (
      insert into videos (title, status, user_id, original_url, task_id, request_id, size_bytes)
      select ${video.title}, 'uploaded', ${video.userId}, key, ${video.taskId}, ${video.requestId}, ${video.sizeBytes}
      from intent
      returning id
    )
    select bytes, waiting, id, least(waiting, ${uploadsRankedMax}) + 1 as rank
    from usage left join inserted on true`;
  if (row === undefined) return undefined;
  if (row.id !== null) return { id: row.id, rank: row.rank };
  if (row.waiting >= waitingMax) return 'too_many_waiting';
  return row.bytes + video.sizeBytes > quotaBytes ? 'quota_exceeded' : undefined;
}

interface Usage {
  bytes: number;
  waiting: number;
}

/** Selects the bytes and the waiting videos of a user. Videos of the older system have no size, and count as 0 bytes. */
function selectUsage(sql: AnySql, userId: number) {
  return sql`
    select coalesce(sum(size_bytes), 0)::bigint as bytes, count(*) filter (where status = 'uploaded') as waiting
    from videos where user_id = ${userId}`;
}
