import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { recordIntents } from '../../../src/database/object-intents.ts';
import { insertUser } from '../../../src/database/users.ts';
import { insertUploadedVideo } from '../../../src/database/videos.ts';
import { newUploadKey } from '../../../src/objects/keys.ts';
import type { VideoJob } from '../../../src/queue/video-queue.ts';
import type { Environment } from '../../support/environment.ts';
import { makeFolder } from './clips.ts';

export interface Uploaded {
  id: number;
  job: VideoJob;
  key: string;
  /** Its position among its player's waiting videos. */
  rank: number;
}

export async function insertPlayer({ sql }: Environment): Promise<number> {
  const user = await insertUser(sql, {
    firstName: 'Ana',
    lastName: 'Ruiz',
    email: `${randomUUID()}@example.com`,
    passwordHash: 'none',
    city: null,
    country: null,
  });
  if (user === undefined) throw new Error('Expected a new player, got a taken address');
  return user.id;
}

/** Stores what an upload leaves: the object and a row in `uploaded`. The test adds the job, if any. */
export async function upload(environment: Environment, path: string, userId?: number): Promise<Uploaded> {
  const { sql, objects } = environment;
  const key = newUploadKey();
  await recordIntents(sql, [key]);
  await objects.putFile(key, path, 'video/mp4', new AbortController().signal);
  const taskId = randomUUID();
  const requestId = `request-${taskId.slice(0, 8)}`;
  const owner = userId ?? (await insertPlayer(environment));
  const row = await insertUploadedVideo(sql, {
    userId: owner,
    title: 'Clip',
    key,
    taskId,
    requestId,
    sizeBytes: (await stat(path)).size,
  });
  if (row === undefined) throw new Error('Expected a row, got none');
  return { id: row.id, key, rank: row.rank, job: { videoId: String(row.id), taskId, requestId } };
}

/** Uploads the clip that `make` writes. */
export async function uploadClip(
  t: Test,
  environment: Environment,
  make: (path: string) => Promise<unknown>,
  userId?: number,
): Promise<Uploaded> {
  const path = join(await makeFolder(t), 'clip.mp4');
  await make(path);
  return upload(environment, path, userId);
}

export interface VideoState {
  status: string;
  attempt: number;
  crashes: number;
  progress: number;
  processing_started_at: Date | null;
  processed_url: string | null;
  poster_url: string | null;
  failure_reason: string | null;
  profile: string | null;
}

export async function readVideo({ sql }: Environment, id: number): Promise<VideoState> {
  const [row] = await sql<VideoState[]>`
    select status, attempt, crashes, progress, processing_started_at, processed_url, poster_url, failure_reason, profile
    from videos where id = ${id}`;
  if (row === undefined) throw new Error(`Expected video ${id}, got no row`);
  return row;
}
