import { LRUCache } from 'lru-cache';
import type { Sql } from '../database/open.ts';
import { userExists } from '../database/users.ts';
import { knownUserSeconds, knownUsersMax } from '../limits.ts';

export type KnownUsers = ReturnType<typeof openKnownUsers>;

/** Caches which users exist. This service never deletes a user, so only existing users are cached. */
export function openKnownUsers(sql: Sql) {
  const known = new LRUCache<number, true>({ max: knownUsersMax, ttl: knownUserSeconds * 1000 });

  async function query(userId: number): Promise<boolean> {
    const exists = await userExists(sql, userId);
    if (exists) known.set(userId, true);
    return exists;
  }

  return {
    has: (userId: number): true | Promise<boolean> => known.get(userId) ?? query(userId),
    remember: (userId: number): void => void known.set(userId, true),
  };
}
