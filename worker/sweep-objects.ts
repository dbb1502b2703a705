import { claimAgedIntents, hasIntent, listAgedIntents, recordIntents } from '../src/database/object-intents.ts';
import type { Sql } from '../src/database/open.ts';
import { keysInUse } from '../src/database/videos.ts';
import type { Logger } from '../src/log.ts';
import { isOwnKey, ownFolders } from '../src/objects/keys.ts';
import type { ObjectStore } from '../src/objects/store.ts';
import { intentsPerSweepMax, objectsPerSweepMax, sweepBatchKeys } from './limits.ts';
import type { Report } from './sweep-report.ts';

export interface ObjectSweepDeps {
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly log: Logger;
  readonly graceSeconds: number;
}

/**
 * Removes the objects of crashed uploads and jobs. Claims each intent older than the grace period, so that no transaction can
 * insert a row for its key any more, and only then deletes the object.
 */
export async function sweepIntents(deps: ObjectSweepDeps, dryRun: boolean, report: Report): Promise<void> {
  const { sql, graceSeconds } = deps;
  const options = { graceSeconds, limit: intentsPerSweepMax };
  const keys = await (dryRun ? listAgedIntents : claimAgedIntents)(sql, options);
  for (const key of keys) {
    if (!dryRun) await deleteOrRestoreIntent(deps, key);
    report('aged_intent', key);
  }
}

/** Deletes an object, or restores its intent when S3 fails: without one, an object under an older system's key is never found. */
async function deleteOrRestoreIntent({ sql, objects, log }: ObjectSweepDeps, key: string): Promise<void> {
  try {
    for await (const open of objects.listOpenMultiparts(key)) {
      if (open.key === key) await objects.abortMultipart(key, open.uploadId);
    }
    await objects.deleteObject(key);
  } catch (error) {
    log.warn({ err: error }, 'object not deleted, will be retried');
    await recordIntents(sql, [key]);
  }
}

export type StrayFinder = ReturnType<typeof openStrayFinder>;

/**
 * Returns a function that deletes objects and multipart uploads that neither a row nor an intent names, if they are older than the
 * grace period and this service can have created their keys. It keeps its position in a folder too large for one pass, so one
 * function serves all passes.
 */
export function openStrayFinder(deps: ObjectSweepDeps) {
  const resumeAfter = new Map<string, string | undefined>();

  return async (dryRun: boolean, report: Report): Promise<void> => {
    const before = new Date(Date.now() - deps.graceSeconds * 1000);
    for (const folder of ownFolders) {
      resumeAfter.set(folder, await sweepObjects(deps, folder, resumeAfter.get(folder), before, dryRun, report));
      await sweepMultiparts(deps, folder, before, dryRun, report);
    }
  };
}

/** Resolves to the last key of the pass, or to undefined at the end of the folder. */
async function sweepObjects(
  { sql, objects }: ObjectSweepDeps,
  folder: string,
  afterKey: string | undefined,
  before: Date,
  dryRun: boolean,
  report: Report,
): Promise<string | undefined> {
  const deleteUnused = async (keys: string[]) => {
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
      await deleteUnused(batch);
      batch = [];
    }
    seen += 1;
    if (seen >= objectsPerSweepMax) {
      await deleteUnused(batch);
      return object.key;
    }
  }
  await deleteUnused(batch);
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
    // The object of a row is complete, so a multipart upload under its key is left from a call whose response was lost.
    if (await hasIntent(sql, key)) continue;
    if (!dryRun) await objects.abortMultipart(key, uploadId);
    report('multipart_without_row', key);
  }
}
