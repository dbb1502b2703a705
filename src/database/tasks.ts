import { assumedProcessingSeconds, processingTimesAveraged } from '../limits.ts';
import type { AnySql } from './open.ts';

export interface TaskRow {
  task_id: string;
  video_id: number;
  user_id: number;
  state: 'queued' | 'processing' | 'processed' | 'failed';
  progress: number;
  error: string | null;
  /** Counted from 1, the next. Null unless the task is queued, like the wait. */
  queue_position: number | null;
  expected_wait_seconds: number | null;
}

/** Resolves to a task's state. Reads PostgreSQL alone, so that it works while Redis is unreachable. */
export async function findTask(sql: AnySql, taskId: string): Promise<TaskRow | undefined> {
  const [row] = await sql<TaskRow[]>`
    select task_id, id as video_id, user_id, ${state(sql)} as state,
      case when status in ('processed', 'public') then 100 else progress end as progress,
      case when status = 'failed' then failure_reason end as error,
      null as queue_position, null as expected_wait_seconds
    from videos where task_id = ${taskId}
    order by id desc limit 1`;
  return row?.state === 'queued' ? { ...row, ...(await estimateWait(sql, row.video_id)) } : row;
}

/**
 * Resolves to the queue position and the expected wait: the mean processing time of recent videos, times the videos ahead,
 * divided by the number being processed now. As in the queue, every player's first video goes before any player's second. While
 * videos wait and none is started or finished, the wait is at least as long as that has lasted.
 */
async function estimateWait(sql: AnySql, videoId: number) {
  const [row] = await sql<WaitFacts[]>`
    with waiting as materialized (
      select id, uploaded_at, processing_started_at, processing_started_at is not null as is_processing,
        row_number() over (partition by user_id order by id) as rank
      from videos where status = 'uploaded'
    ), recent as materialized (
      select processed_at, processed_at - processing_started_at as took from videos
      where processing_started_at is not null and processed_at is not null
      order by processed_at desc limit ${processingTimesAveraged}
    )
    select
      (select count(*) from waiting other, waiting own
        where own.id = ${videoId} and not other.is_processing and (other.rank, other.id) < (own.rank, own.id)) as ahead,
      (select count(*) from waiting where is_processing) as processing,
      (select extract(epoch from avg(took))::float8 from recent) as mean_seconds,
      extract(epoch from now() - greatest(
        (select min(uploaded_at) from waiting where not is_processing),
        (select max(processing_started_at) from waiting),
        (select max(processed_at) from recent)
      ))::float8 as stalled_seconds`;
  const { ahead = 0, processing = 0, mean_seconds: mean = null, stalled_seconds: stalled = null } = row ?? {};
  const seconds = ((mean ?? assumedProcessingSeconds) * (ahead + Math.min(processing, 1))) / Math.max(processing, 1);
  return { queue_position: ahead + 1, expected_wait_seconds: Math.max(Math.ceil(seconds), Math.floor(stalled ?? 0)) };
}

interface WaitFacts {
  ahead: number;
  processing: number;
  mean_seconds: number | null;
  /** The time since a video was last started or finished, or since one has been waiting, whichever is shorter. */
  stalled_seconds: number | null;
}

function state(sql: AnySql) {
  return sql`case
    when status in ('processed', 'public') then 'processed'
    when status = 'failed' then 'failed'
    when processing_started_at is null then 'queued'
    else 'processing'
  end`;
}

export async function findVideoOfTask(sql: AnySql, taskId: string): Promise<{ id: number } | undefined> {
  const [row] = await sql<{ id: number }[]>`select id from videos where task_id = ${taskId}`;
  return row;
}
