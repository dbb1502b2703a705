import { type AnySql, inTransaction, type Sql } from './open.ts';
import { insertUploadedVideo, type UploadedVideo } from './videos.ts';

export interface UserLimits {
  /** Bytes of all original videos of a user. */
  readonly quotaBytes: number;
  /** Videos of a user that wait to be processed. */
  readonly waitingMax: number;
}

export type OverLimit = 'quota_exceeded' | 'too_many_waiting';

/**
 * Writes down the key of an upload, unless what is known of its size does not fit any more: then nothing is written. Looks at
 * the user's videos in the same statement, so that an upload costs no query more. Of uploads at once each may fit here: what
 * counts is `insertWithinLimits`.
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
 * Inserts the video while the user's row is locked, so that uploads at once cannot pass the limits together. Undefined when a
 * sweep has claimed the upload's intent, or when the user was deleted meanwhile.
 */
export async function insertWithinLimits(
  sql: Sql,
  video: UploadedVideo,
  { quotaBytes, waitingMax }: UserLimits,
): Promise<{ id: number; rank: number } | OverLimit | undefined> {
  return inTransaction(sql, async (tx) => {
    const users = await tx`select 1 from users where id = ${video.userId} for no key update`;
    if (users.length === 0) return undefined;
    // A statement of its own, so that it sees what was committed while the lock was waited for.
    const [usage] = await tx<Usage[]>`${selectUsage(tx, video.userId)}`;
    if ((usage?.waiting ?? 0) >= waitingMax) return 'too_many_waiting';
    if ((usage?.bytes ?? 0) + video.sizeBytes > quotaBytes) return 'quota_exceeded';
    return insertUploadedVideo(tx, video);
  });
}

interface Usage {
  bytes: number;
  waiting: number;
}

/** Videos that an older system has stored have no size, and count nothing. */
function selectUsage(sql: AnySql, userId: number) {
  return sql`
    select coalesce(sum(size_bytes), 0)::bigint as bytes, count(*) filter (where status = 'uploaded') as waiting
    from videos where user_id = ${userId}`;
}
