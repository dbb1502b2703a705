import { randomUUID } from 'node:crypto';
import { recordIntents } from '../../src/database/object-intents.ts';
import type { Sql } from '../../src/database/open.ts';
import { insertUser } from '../../src/database/users.ts';
import { claimVideoForWork, publishRendition } from '../../src/database/video-jobs.ts';
import { insertUploadedVideo, publishVideo } from '../../src/database/videos.ts';

export async function makeUser(sql: Sql, change: { email?: string; city?: string | null } = {}): Promise<number> {
  const user = await insertUser(sql, {
    firstName: 'Ana',
    lastName: 'Ruiz',
    email: change.email ?? `${randomUUID()}@example.com`,
    passwordHash: 'hash',
    city: change.city ?? null,
    country: null,
  });
  if (user === undefined) throw new Error('Expected the address to be free, got a taken one');
  return user.id;
}

export interface MadeVideo {
  id: number;
  key: string;
  taskId: string;
}

export async function makeVideo(sql: Sql, userId: number): Promise<MadeVideo> {
  const key = `uploads/${randomUUID()}.mp4`;
  const taskId = randomUUID();
  await recordIntents(sql, [key]);
  const video = await insertUploadedVideo(sql, { userId, title: 'A clip', key, taskId, requestId: 'r', sizeBytes: 9 });
  if (video === undefined) throw new Error('Expected the intent to be there, got none');
  return { id: video.id, key, taskId };
}

/** The rendition's keys, in the order rendition, poster. */
export async function process(sql: Sql, id: number): Promise<[string, string]> {
  const keys: [string, string] = [`processed/${randomUUID()}.mp4`, `posters/${randomUUID()}.jpg`];
  const claim = await claimVideoForWork(sql, id);
  await recordIntents(sql, keys);
  const [processedKey, posterKey] = keys;
  await publishRendition(sql, { id, attempt: claim?.attempt ?? 0, processedKey, posterKey, profile: 'p1' });
  return keys;
}

export async function makePublicVideo(sql: Sql, userId: number): Promise<MadeVideo> {
  const video = await makeVideo(sql, userId);
  await process(sql, video.id);
  await publishVideo(sql, video.id);
  return video;
}

export async function readHistory(sql: Sql, videoId: number): Promise<string[]> {
  const rows = await sql<{ change: string }[]>`
    select concat_ws(' ', from_status, to_status) as change from video_status_changes
    where video_id = ${videoId} order by id`;
  return rows.map((row) => row.change);
}

export async function readIntents(sql: Sql): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`select key from object_intents order by key`;
  return rows.map((row) => row.key);
}
