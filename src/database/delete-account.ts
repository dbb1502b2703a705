import { inTransaction, type Sql } from './open.ts';
import { forgetOldRevocations } from './token-epochs.ts';
import { dropSharedKeys } from './videos.ts';

export type AccountDeletion =
  | { outcome: 'deleted'; keys: string[]; taskIds: string[] }
  /** The user does not exist, or the password was changed meanwhile. */
  | { outcome: 'not_found' }
  /** The user has voted or uploaded meanwhile. The transaction was rolled back. */
  | { outcome: 'changed' };

class Changed extends Error {}

/**
 * Deletes a user's rows in one transaction. Videos are locked first, in the order of their ids, then the user: votes lock in the
 * same order, so that no deadlock is possible. A vote or a video that was added between the locks shows in the rows that the
 * deletions return. Then the transaction is rolled back, and the caller retries.
 */
export async function deleteAccountRows(sql: Sql, userId: number, passwordHash: string): Promise<AccountDeletion> {
  return inTransaction(sql, async (tx): Promise<AccountDeletion> => {
    const locked = await tx<{ id: number; is_own: boolean }[]>`
      select id, user_id = ${userId} as is_own from videos
      where user_id = ${userId} or id in (select video_id from votes where user_id = ${userId})
      order by id for update`;
    const users = await tx`
      select 1 from users where id = ${userId} and password_hash = ${passwordHash} for update`;
    if (users.length === 0) return { outcome: 'not_found' };

    const votedIds = (
      await tx<{ video_id: number }[]>`
      delete from votes where user_id = ${userId} returning video_id`
    ).map((row) => row.video_id);
    const videos = await tx<DeletedVideo[]>`
      delete from videos where user_id = ${userId}
      returning id, task_id, array_remove(array[original_url, processed_url, poster_url], null) as keys`;
    const lockedIds = new Set(locked.map(({ id }) => id));
    if ([...votedIds, ...videos.map(({ id }) => id)].some((id) => !lockedIds.has(id))) throw new Changed();

    await tx`
      with moved as (
        update videos set votes = videos.votes - 1 where id = any(${votedIds}::bigint[]) returning user_id
      )
      insert into vote_deltas (user_ids, votes)
      select array_agg(user_id), array_agg(lost) from (
        select user_id, -count(*) as lost from moved group by user_id
      ) as by_owner
      having count(*) > 0`;
    const keys = await dropSharedKeys(
      tx,
      videos.flatMap((video) => video.keys),
    );
    await tx`insert into object_intents (key) select unnest(${keys}::text[]) on conflict (key) do nothing`;
    await tx`
      with gone as (
        delete from users where id = ${userId} returning id, token_epoch
      ), ${forgetOldRevocations(tx)}
      insert into token_revocations (user_id, epoch) select id, token_epoch + 1 from gone`;
    return { outcome: 'deleted', keys, taskIds: videos.flatMap(({ task_id: taskId }) => taskId ?? []) };
  }).catch((error: unknown): AccountDeletion => {
    if (error instanceof Changed) return { outcome: 'changed' };
    throw error;
  });
}

interface DeletedVideo {
  id: number;
  task_id: string | null;
  keys: string[];
}
