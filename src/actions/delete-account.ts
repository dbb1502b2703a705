import { deleteAccountRows } from '../database/delete-account.ts';
import { forgetIntents } from '../database/object-intents.ts';
import type { Sql } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { accountDeletionAttempts, keysPerDeletion } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { Passwords } from '../passwords.ts';
import type { VideoProducer } from '../queue/video-queue.ts';
import { verifyOwnPassword } from './change-password.ts';
import type { VoteCountFlusher } from './flush-vote-counts.ts';

interface DeleteAccountDeps {
  sql: Sql;
  objects: ObjectStore;
  producer: Pick<VideoProducer, 'remove'>;
  passwords: Passwords;
  log: Logger;
  voteCountFlusher: Pick<VoteCountFlusher, 'schedule'>;
  knownUsers: { forget(userId: number): void };
  changes: { add(): void };
}

/**
 * Deletes the user, the user's videos and the votes cast and received in one transaction, which also records the objects to
 * delete. From the commit on no client sees any of it, and the user's tokens are invalid. Objects and jobs are deleted before the
 * response. A sweep deletes those that remain after an error of S3 or Redis, or after a crash.
 */
export async function deleteAccount(
  deps: DeleteAccountDeps,
  userId: number,
  password: string,
  signal: AbortSignal,
): Promise<void> {
  const { sql, voteCountFlusher, knownUsers, changes, log } = deps;
  const { password_hash: passwordHash } = await verifyOwnPassword(deps, userId, password, signal);
  const deleted = await deleteRows(sql, userId, passwordHash);
  knownUsers.forget(userId);
  changes.add();
  voteCountFlusher.schedule();
  await Promise.all([
    deleteObjects(deps, deleted.keys).catch((error: unknown) =>
      log.warn({ userId, err: error }, 'objects of a deleted account not deleted, left to the sweep'),
    ),
    removeJobs(deps, deleted.taskIds).catch((error: unknown) =>
      log.warn({ userId, err: error }, 'jobs of a deleted account not removed, left to the sweep'),
    ),
  ]);
}

/** Deletes the rows. Retries when the user has voted or uploaded between the transaction's first lock and its last. */
async function deleteRows(sql: Sql, userId: number, passwordHash: string) {
  for (let attempt = 1; attempt <= accountDeletionAttempts; attempt += 1) {
    const result = await deleteAccountRows(sql, userId, passwordHash);
    if (result.outcome === 'deleted') return result;
    if (result.outcome === 'not_found') throw new AppError('wrong_credentials');
  }
  throw new AppError('account_in_use');
}

async function deleteObjects({ sql, objects }: DeleteAccountDeps, keys: readonly string[]): Promise<void> {
  for (let i = 0; i < keys.length; i += keysPerDeletion) {
    const some = keys.slice(i, i + keysPerDeletion);
    await Promise.all(some.map((key) => objects.deleteObject(key)));
    await forgetIntents(sql, some);
  }
}

/** Removes the queued jobs. An active job stays: its worker finds no row, and ends the job. */
async function removeJobs({ producer }: DeleteAccountDeps, taskIds: readonly string[]): Promise<void> {
  for (const taskId of taskIds) await producer.remove(taskId);
}
