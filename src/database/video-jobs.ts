import type { AnySql } from './open.ts';

/** What every change by a worker names: the video, and the attempt it claimed. A late twin names an older one. */
export interface Attempt {
  id: number;
  attempt: number;
}

export interface WorkClaim extends Attempt {
  user_id: number;
  title: string;
  /** Null where an older system has a row, but never got its file. */
  original_url: string | null;
  task_id: string | null;
  request_id: string | null;
  uploaded_at: Date;
  /** How many attempts before this one ended without a word. */
  crashes: number;
}

export interface WaitingVideo {
  id: number;
  task_id: string;
  request_id: string;
}

export interface RankedVideo extends WaitingVideo {
  /** Its place among its own player's videos that still need a job, from 1. */
  rank: number;
}

/**
 * Undefined when there is nothing to do: the video is gone, or done, or given up. Claiming fences out whoever had it. An
 * attempt that was neither finished nor returned counts as a crash.
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

/** False when the attempt is no longer the current one: its work is for nothing and can stop. */
export async function setProgress(sql: AnySql, claim: Attempt & { percent: number }): Promise<boolean> {
  const { count } = await sql`
    update videos set progress = ${claim.percent} where ${isCurrent(sql, claim)}`;
  return count > 0;
}

/**
 * The work was given up without a verdict, at a shutdown say: the video is shown as waiting again. `crashed` when its FFmpeg
 * was ended by something other than us, which may not go on for ever.
 */
export async function returnVideoToQueue(sql: AnySql, claim: Attempt & { crashed?: boolean }): Promise<boolean> {
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
 * False, and nothing changed, when a later attempt has the video, when it is gone, or when a sweep has claimed an intent:
 * then the objects belong to nobody. Intents and row change in one statement, so an object always has exactly one name.
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

/** `reason` is read by the player. False when the attempt is no longer the current one. */
export async function failVideo(sql: AnySql, claim: Attempt & { reason: string }): Promise<boolean> {
  const { count } = await sql`
    update videos set status = 'failed', failure_reason = ${claim.reason} where ${isCurrent(sql, claim)}`;
  return count > 0;
}

/** Undefined when the video is not `failed`. The attempt goes on counting, so no earlier worker can come back. */
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
 * Every video that still needs a job, by id, a page at a time. One that an older system left without a task id, or with
 * one that cannot be a job's (digits only, or with a colon), is given one.
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
