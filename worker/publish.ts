import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { claimIntent, recordIntents } from '../src/database/object-intents.ts';
import { publishRendition, type WorkClaim } from '../src/database/video-jobs.ts';
import { newPosterKey, newRenditionKey } from '../src/objects/keys.ts';
import type { WorkerDeps } from './deps.ts';
import { jobFiles } from './ffmpeg-arguments.ts';

/** The video is deleted or finished, or a later attempt has claimed it: the results of this attempt are discarded. */
export class StaleAttemptError extends Error {
  constructor() {
    super('The attempt is no longer the current one');
    this.name = 'StaleAttemptError';
  }
}

interface Result {
  readonly key: string;
  readonly path: string;
  readonly contentType: string;
  readonly bytes: number;
}

/**
 * Stores rendition and poster and makes the row name them, unless the attempt is stale. Resolves to the number of bytes stored.
 * When it rejects, the objects have been deleted, or their intents are left to the sweep.
 */
export async function publish(
  deps: WorkerDeps,
  claim: WorkClaim,
  folder: string,
  signal: AbortSignal,
): Promise<number> {
  const { sql, objects, profile } = deps;
  const rendition = await describe(folder, jobFiles.rendition, newRenditionKey(), 'video/mp4');
  const poster = await describe(folder, jobFiles.poster, newPosterKey(), 'image/jpeg').catch(() => undefined);
  // The sandbox creates the file empty: FFmpeg has written no poster.
  const results = poster === undefined || poster.bytes === 0 ? [rendition] : [rendition, poster];
  const keys = results.map((result) => result.key);
  signal.throwIfAborted();
  await recordIntents(sql, keys);
  try {
    for (const { key, path, contentType } of results) await objects.putFile(key, path, contentType, signal);
    const isPublished = await publishRendition(sql, {
      ...claim,
      processedKey: rendition.key,
      posterKey: results[1]?.key ?? null,
      profile: profile.version,
    });
    if (!isPublished) throw new StaleAttemptError();
  } catch (error) {
    await rollback(deps, keys);
    throw error;
  }
  return results.reduce((sum, result) => sum + result.bytes, 0);
}

async function describe(folder: string, name: string, key: string, contentType: string): Promise<Result> {
  const path = join(folder, name);
  return { key, path, contentType, bytes: (await stat(path)).size };
}

/** Deletes the objects whose intents still exist. A missing intent was deleted with the row's update or claimed by a sweep. */
async function rollback({ sql, objects, log }: WorkerDeps, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    try {
      if (await claimIntent(sql, key)) await objects.deleteObject(key);
    } catch (error) {
      log.warn({ err: error }, 'object not deleted, left to the sweep');
    }
  }
}
