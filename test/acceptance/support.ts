import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { recordIntents } from '../../src/database/object-intents.ts';
import { claimVideoForWork, failVideo, publishRendition } from '../../src/database/video-jobs.ts';
import { responseCacheMaxAgeMs } from '../../src/limits.ts';
import { newPosterKey, newRenditionKey } from '../../src/objects/keys.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { type Answer, type RequestOptions, request } from '../support/http.ts';
import { instanceControlUrl, serveOnInstance } from '../support/instance-control.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer, type Player } from '../support/player.ts';
import { type RunningService, type ServiceOptions, startService } from '../support/service.ts';

export interface Api {
  environment: Environment;
  service: RunningService;
  call(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  newPlayer(fields?: Record<string, string>): Promise<Player>;
  /** Uploads an MP4 and returns the response's body. */
  upload(player: Player, title?: string, video?: Uint8Array): Promise<Uploaded>;
  /** Does the worker's part in the database and the bucket, without reading the picture. */
  process(videoId: number): Promise<void>;
  fail(videoId: number, reason: string): Promise<void>;
  /** A video in `status`. */
  videoIn(status: 'uploaded' | 'processed' | 'public' | 'failed', player: Player, title?: string): Promise<number>;
}

export interface Uploaded {
  message: string;
  task_id: string;
  video_id: number;
}

/** Starts the service on a new environment: processes of this machine, or of an instance where one is tested. */
export async function openApi(
  t: Test,
  options: ServiceOptions & { values?: Record<string, string> } = {},
): Promise<Api> {
  const environment = await createEnvironment(t, { values: options.values ?? {} });
  const service = await (instanceControlUrl === undefined
    ? startService(t, environment, options)
    : serveOnInstance(t, environment, instanceControlUrl, options));
  const call: Api['call'] = (method, path, more = {}) => request(`${service.baseUrl}${path}`, { method, ...more });
  const upload: Api['upload'] = async (player, title = 'A clip', video = mp4()) => {
    const form = buildUploadForm(video, title);
    const answer = await call('POST', '/api/videos/upload', { ...form, token: player.token });
    if (answer.status !== 201)
      throw new Error(`Expected the upload to answer 201, got ${answer.status} ${answer.text}`);
    return answer.json<Uploaded>();
  };
  const process = (videoId: number) => finishVideo(environment, videoId);
  const fail: Api['fail'] = async (videoId, reason) => {
    const claim = await claimVideoForWork(environment.sql, videoId);
    if (claim === undefined || !(await failVideo(environment.sql, { ...claim, reason }))) {
      throw new Error(`Expected video ${videoId} to be waiting`);
    }
  };
  const videoIn: Api['videoIn'] = async (status, player, title) => {
    const { video_id: id } = await upload(player, title);
    if (status === 'failed') await fail(id, 'No picture');
    if (status === 'processed' || status === 'public') await process(id);
    if (status === 'public') await call('POST', `/api/videos/${id}/publish`, { token: player.token });
    return id;
  };
  const newPlayer: Api['newPlayer'] = (fields) => createPlayer(service.baseUrl, fields);
  return { environment, service, call, newPlayer, upload, process, fail, videoIn };
}

async function finishVideo({ sql, objects, folder }: Environment, videoId: number): Promise<void> {
  const claim = await claimVideoForWork(sql, videoId);
  if (claim === undefined) throw new Error(`Expected video ${videoId} to be waiting`);
  const [processedKey, posterKey] = [newRenditionKey(), newPosterKey()];
  const path = join(folder, randomUUID());
  await writeFile(path, mp4());
  await recordIntents(sql, [processedKey, posterKey]);
  await objects.putFile(processedKey, path, 'video/mp4', AbortSignal.timeout(60_000));
  await objects.putFile(posterKey, path, 'image/jpeg', AbortSignal.timeout(60_000));
  const isDone = await publishRendition(sql, { ...claim, processedKey, posterKey, profile: 'test' });
  if (!isDone) throw new Error(`Expected video ${videoId} to become processed`);
}

/** Waits until cached responses contain everything that was written before. Two reads after that return the same data. */
export const untilCachedResponsesExpire = () => sleep(2 * responseCacheMaxAgeMs);

/** Returns bytes that begin as an MP4 does, without a picture. */
export function mp4(bytes = 64): Buffer {
  const file = Buffer.alloc(bytes, 0x2a);
  file.writeUInt32BE(24, 0);
  file.write('ftypisom', 4, 'latin1');
  return file;
}

/** Expects an error whose body is exactly this sentence. */
export function expectRefusal(t: Test, answer: Answer, status: number, detail: string): void {
  t.equal(answer.status, status, `${status}`);
  t.strictSame(answer.json(), { detail }, detail);
  t.match(answer.headers['content-type'], /^application\/json/, 'is JSON');
  t.match(answer.headers['x-request-id'], /./, 'carries a request id');
}

export type Location = (string | number)[];

/** Expects a 422 with exactly these validation errors in this order, each with exactly the contract's three keys. */
export function expectFaults(t: Test, answer: Answer, faults: [type: string, ...loc: Location][]): void {
  t.equal(answer.status, 422, '422');
  const { detail, ...rest } = answer.json<{ detail: { type: string; loc: Location; msg: string }[] }>();
  t.strictSame(rest, {}, 'nothing beside the list of faults');
  const found = detail.map(({ type, loc }) => [type, ...loc]);
  t.strictSame(found, faults, faults.map((fault) => fault.join(' ')).join(', '));
  for (const fault of detail) {
    t.strictSame(Object.keys(fault).sort(), ['loc', 'msg', 'type'], 'type, loc and msg, and no input');
    t.match(fault.msg, /./, 'a sentence');
  }
}

/** 401 as the contract words it. */
export function expectUnauthorized(t: Test, answer: Answer): void {
  expectRefusal(t, answer, 401, 'Credenciales de autenticación inválidas.');
  t.equal(answer.headers['www-authenticate'], 'Bearer', 'names the scheme');
}

export interface Stored {
  videos: number;
  intents: number;
  objects: number;
  openMultiparts: number;
}

/** Counts what PostgreSQL and S3 hold of uploads. */
export async function countStored({ sql, bucket }: Environment): Promise<Stored> {
  const [row] = await sql<{ videos: number; intents: number }[]>`
    select (select count(*) from videos) as videos, (select count(*) from object_intents) as intents`;
  return {
    videos: row?.videos ?? -1,
    intents: row?.intents ?? -1,
    objects: (await bucket.keys()).length,
    openMultiparts: (await bucket.openMultiparts()).length,
  };
}
