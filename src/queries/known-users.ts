import { LRUCache } from 'lru-cache';
import type { Sql } from '../database/open.ts';
import { userExists } from '../database/users.ts';
import { knownUserSeconds, knownUsersMax } from '../limits.ts';

export type KnownUsers = ReturnType<typeof openKnownUsers>;

/** Which users exist. Nothing in this service deletes one, so a yes is remembered for a while and a no never. */
export function openKnownUsers(sql: Sql) {
  const known = new LRUCache<number, true>({ max: knownUsersMax, ttl: knownUserSeconds * 1000 });

  async function look(userId: number): Promise<boolean> {
    const exists = await userExists(sql, userId);
    if (exists) known.set(userId, true);
    return exists;
  }

  return {
    has: (userId: number): true | Promise<boolean> => known.get(userId) ?? look(userId),
    remember: (userId: number): void => void known.set(userId, true),
  };
}
