import { claimAgedIntents, hasIntent, listAgedIntents, recordIntents } from '../src/database/object-intents.ts';
import type { Sql } from '../src/database/open.ts';
import { keysInUse } from '../src/database/videos.ts';
import { intentsPerSweepMax, objectsPerSweepMax, sweepBatchKeys } from '../src/limits.ts';
import type { Logger } from '../src/log.ts';
import { isOwnKey, ownFolders } from '../src/objects/keys.ts';
import type { ObjectStore } from '../src/objects/store.ts';
import type { Report } from './sweep-report.ts';

export interface ObjectSweepDeps {
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly log: Logger;
  readonly graceSeconds: number;
}

/**
 * Ends what a crash left half done: an intent older than the grace period is claimed, so that nobody can make a row of it
 * any more, and only then is its object removed.
 */
export async function sweepIntents(parts: ObjectSweepDeps, dryRun: boolean, report: Report): Promise<void> {
  const { sql, graceSeconds } = parts;
  const options = { graceSeconds, limit: intentsPerSweepMax };
  const keys = await (dryRun ? listAgedIntents : claimAgedIntents)(sql, options);
  for (const key of keys) {
    if (!dryRun) await removeOrRemember(parts, key);
    report('aged_intent', key);
  }
}

/** Without its intent, a key that is not of our making could never be found again. */
async function removeOrRemember({ sql, objects, log }: ObjectSweepDeps, key: string): Promise<void> {
  try {
    for await (const open of objects.listOpenMultiparts(key)) {
      if (open.key === key) await objects.abortMultipart(key, open.uploadId);
    }
    await objects.deleteObject(key);
  } catch (error) {
    log.warn({ err: error }, 'an object could not be removed, and will be tried again');
    await recordIntents(sql, [key]);
  }
}

export type StrayFinder = ReturnType<typeof openStrayFinder>;

/**
 * Removes objects and open multipart uploads that neither a row nor an intent names, if they are older than the grace
 * period and their keys can be of our making: whatever else lies in the bucket is not ours to judge. A folder too large for
 * one pass is gone on with in the next, so a finder is kept from pass to pass.
 */
export function openStrayFinder(parts: ObjectSweepDeps) {
  const resumeAfter = new Map<string, string | undefined>();

  return async (dryRun: boolean, report: Report): Promise<void> => {
    const before = new Date(Date.now() - parts.graceSeconds * 1000);
    for (const folder of ownFolders) {
      resumeAfter.set(folder, await sweepObjects(parts, folder, resumeAfter.get(folder), before, dryRun, report));
      await sweepMultiparts(parts, folder, before, dryRun, report);
    }
  };
}

/** Resolves to the key to go on behind, or undefined at the folder's end. */
async function sweepObjects(
  { sql, objects }: ObjectSweepDeps,
  folder: string,
  afterKey: string | undefined,
  before: Date,
  dryRun: boolean,
  report: Report,
): Promise<string | undefined> {
  const judge = async (keys: string[]) => {
    const used = await keysInUse(sql, keys);
    for (const key of keys.filter((each) => !used.has(each))) {
      if (!dryRun) await objects.deleteObject(key);
      report('object_without_row', key);
    }
  };
  let batch: string[] = [];
  let seen = 0;
  for await (const object of objects.listObjects(folder, afterKey)) {
    if (isOwnKey(object.key) && object.modifiedAt < before) batch.push(object.key);
    if (batch.length >= sweepBatchKeys) {
      await judge(batch);
      batch = [];
    }
    seen += 1;
    if (seen >= objectsPerSweepMax) {
      await judge(batch);
      return object.key;
    }
  }
  await judge(batch);
  return undefined;
}

async function sweepMultiparts(
  { sql, objects }: ObjectSweepDeps,
  folder: string,
  before: Date,
  dryRun: boolean,
  report: Report,
): Promise<void> {
  for await (const { key, uploadId, initiatedAt } of objects.listOpenMultiparts(folder)) {
    if (!isOwnKey(key) || initiatedAt >= before) continue;
    // Under a row's key the object is whole: what is open there is of an earlier try whose answer was lost.
    if (await hasIntent(sql, key)) continue;
    if (!dryRun) await objects.abortMultipart(key, uploadId);
    report('multipart_without_row', key);
  }
}
