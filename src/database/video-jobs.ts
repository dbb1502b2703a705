import type { AnySql } from './open.ts';

/** The fence of every change by a worker: the video and the attempt that the worker claimed. A stale worker names an older one. */
export interface Attempt {
  id: number;
  attempt: number;
}

export interface WorkClaim extends Attempt {
  user_id: number;
  title: string;
  /** Null when an older system inserted the row but never stored the file. */
  original_url: string | null;
  task_id: string | null;
  request_id: string | null;
  uploaded_at: Date;
  /** The number of earlier attempts that ended without reporting a result. */
  crashes: number;
}

export interface WaitingVideo {
  id: number;
  task_id: string;
  request_id: string;
}

export interface RankedVideo extends WaitingVideo {
  /** The video's position among its player's videos that still need a job, from 1. */
  rank: number;
}

/**
 * Claims a video for a new attempt, which makes every earlier attempt stale. Resolves to undefined when there is nothing to do: the
 * video is deleted, processed or failed. An earlier attempt that neither finished nor was requeued counts as a crash.
 */
export async function claimVideoForWork(sql: AnySql, id: number): Promise<WorkClaim | undefined> {
  const [row] = await sql<WorkClaim[]>`
    update videos
    set attempt = attempt + 1, crashes = crashes + (processing_started_at is not null)::int,
      processing_started_at = now(), progress = 0, failure_reason = null
    where id = ${id} and status = 'uploaded'
    returning id, attempt, user_id, title, original_url, task_id, request_id, uploaded_at, crashes`;
  return row;
}

/** Resolves to false when the attempt is stale: its work can stop. */
export async function setProgress(sql: AnySql, claim: Attempt & { percent: number }): Promise<boolean> {
  const { count } = await sql`
    update videos set progress = ${claim.percent} where ${isCurrent(sql, claim)}`;
  return count > 0;
}

/**
 * Requeues a video whose attempt ended without a result, at a shutdown for example: its task is `queued` again. `crashed` counts
 * the attempt as a crash, which worker/retry-policy.ts limits. Resolves to false when the attempt is stale.
 */
export async function requeueVideo(sql: AnySql, claim: Attempt & { crashed?: boolean }): Promise<boolean> {
  const { count } = await sql`
    update videos
    set processing_started_at = null, progress = 0, crashes = crashes + ${claim.crashed === true ? 1 : 0}
    where ${isCurrent(sql, claim)}`;
  return count > 0;
}

export interface Rendition extends Attempt {
  processedKey: string;
  posterKey: string | null;
  profile: string;
}

/**
 * Makes the row name the rendition. Resolves to false, and changes nothing, when the attempt is stale, the video is deleted, or a
 * sweep has claimed an intent: the caller then deletes the objects. Intents and row change in one statement, so that exactly one
 * of the two names an object at any moment.
 */
export async function publishRendition(sql: AnySql, rendition: Rendition): Promise<boolean> {
  const { processedKey, posterKey, profile } = rendition;
  const keys = posterKey === null ? [processedKey] : [processedKey, posterKey];
  const { count } = await sql`
    with held as materialized (
      select key from object_intents where key = any(${keys}::text[]) order by key for update
    ), published as (
      update videos
      set status = 'processed', processed_url = ${processedKey}, poster_url = ${posterKey}, profile = ${profile},
        processed_at = now(), progress = 100
      where ${isCurrent(sql, rendition)} and (select count(*) from held) = ${keys.length}
      returning id
    )
    delete from object_intents using published where key in (select key from held)`;
  return count > 0;
}

/** Sets the video to `failed`. The player reads `reason`. Resolves to false when the attempt is stale. */
export async function failVideo(sql: AnySql, claim: Attempt & { reason: string }): Promise<boolean> {
  const { count } = await sql`
    update videos set status = 'failed', failure_reason = ${claim.reason} where ${isCurrent(sql, claim)}`;
  return count > 0;
}

/** Resets a failed video to `uploaded`. Resolves to undefined when it is not `failed`. The attempt number stays: it is the fence. */
export async function retryVideo(sql: AnySql, id: number): Promise<WaitingVideo | undefined> {
  const [row] = await sql<WaitingVideo[]>`
    update videos
    set status = 'uploaded', failure_reason = null, processing_started_at = null, progress = 0, crashes = 0,
      task_id = coalesce(task_id, gen_random_uuid()::text)
    where id = ${id} and status = 'failed'
    returning id, task_id, coalesce(request_id, task_id) as request_id`;
  return row;
}

/**
 * Resolves to a page of the videos that still need a job, by id. First gives a task id to videos of an older system that have
 * none, or one that BullMQ does not accept as a job id (digits only, or with a colon).
 */
export async function listVideosWaiting(sql: AnySql, page: { limit: number; afterId: number }): Promise<RankedVideo[]> {
  await sql`
    update videos set task_id = gen_random_uuid()::text
    where status = 'uploaded' and (task_id is null or task_id !~ '^[^:]+$' or task_id ~ '^[0-9]+$')`;
  return sql<RankedVideo[]>`
    select id, task_id, request_id, rank from (
      select id, task_id, coalesce(request_id, task_id) as request_id,
        row_number() over (partition by user_id order by id) as rank
      from videos
      where status = 'uploaded'
    ) as waiting
    where id > ${page.afterId}
    order by id
    limit ${page.limit}`;
}

function isCurrent(sql: AnySql, { id, attempt }: Attempt) {
  return sql`id = ${id} and attempt = ${attempt} and status = 'uploaded'`;
}
