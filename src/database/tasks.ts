import { assumedProcessingSeconds, processingTimesAveraged } from '../limits.ts';
import type { AnySql } from './open.ts';

export interface TaskRow {
  task_id: string;
  video_id: number;
  user_id: number;
  state: 'queued' | 'processing' | 'processed' | 'failed';
  progress: number;
  error: string | null;
  /** 1 = next; null unless queued, like the wait. */
  queue_position: number | null;
  expected_wait_seconds: number | null;
}

/** Answered from PostgreSQL alone: it holds while the queue is away. */
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
 * The wait is the mean time that recent videos took, once for each video in front, shared by as many as are in work at
 * this moment. Every player's first video goes before anybody's second, as in the queue. While nothing moves, neither
 * workers nor the mean say anything: the wait is then at least as long as no video has been started or finished although
 * one was waiting.
 */
async function estimateWait(sql: AnySql, videoId: number) {
  const [row] = await sql<WaitFacts[]>`
    with waiting as materialized (
      select id, uploaded_at, processing_started_at, processing_started_at is not null as is_in_work,
        row_number() over (partition by user_id order by id) as rank
      from videos where status = 'uploaded'
    ), recent as materialized (
      select processed_at, processed_at - processing_started_at as took from videos
      where processing_started_at is not null and processed_at is not null
      order by processed_at desc limit ${processingTimesAveraged}
    )
    select
      (select count(*) from waiting other, waiting own
        where own.id = ${videoId} and not other.is_in_work and (other.rank, other.id) < (own.rank, own.id)) as ahead,
      (select count(*) from waiting where is_in_work) as in_work,
      (select extract(epoch from avg(took))::float8 from recent) as mean_seconds,
      extract(epoch from now() - greatest(
        (select min(uploaded_at) from waiting where not is_in_work),
        (select max(processing_started_at) from waiting),
        (select max(processed_at) from recent)
      ))::float8 as still_seconds`;
  const { ahead = 0, in_work: inWork = 0, mean_seconds: mean = null, still_seconds: still = null } = row ?? {};
  const seconds = ((mean ?? assumedProcessingSeconds) * (ahead + Math.min(inWork, 1))) / Math.max(inWork, 1);
  return { queue_position: ahead + 1, expected_wait_seconds: Math.max(Math.ceil(seconds), Math.floor(still ?? 0)) };
}

interface WaitFacts {
  ahead: number;
  in_work: number;
  mean_seconds: number | null;
  /** Since a video was last started or finished, or since one has been waiting, whichever is the shorter time. */
  still_seconds: number | null;
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
