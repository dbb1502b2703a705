import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { findTokenEpoch, listTokenRevocations } from '../database/token-epochs.ts';
import {
  knownUserSeconds,
  knownUsersMax,
  tokenRevocationPollMs,
  tokenRevocationsReadSeconds,
  tokenRevocationsTrustMs,
} from '../limits.ts';
import type { TokenSubject } from '../tokens.ts';

export type KnownUsers = ReturnType<typeof openKnownUsers>;

/**
 * Caches for a minute which users exist, and the epoch of their tokens. The revocations of all processes are read every second, so
 * that every process refuses a revoked token within 5 s, for one query per second instead of one per request. While they cannot be
 * read, the cache is not used and each request queries the database.
 */
export function openKnownUsers(sql: Sql, clock: Clock = systemClock) {
  const epochs = new LRUCache<number, number>({
    max: knownUsersMax,
    ttl: knownUserSeconds * 1000,
    ttlResolution: 0,
    perf: clock,
  });
  let readAtMs = clock.now();

  async function look({ userId, epoch }: TokenSubject): Promise<boolean> {
    const found = await findTokenEpoch(sql, userId);
    if (found !== undefined) remember(userId, found);
    else epochs.delete(userId);
    return found === epoch;
  }

  /** Caches an epoch. Epochs only grow, so a late query result does not replace a later epoch. */
  function remember(userId: number, epoch: number): void {
    if (epoch >= (epochs.peek(userId) ?? 0)) epochs.set(userId, epoch);
  }

  async function readRevocations(): Promise<void> {
    const askedAtMs = clock.now();
    for (const { user_id: userId, epoch } of await listTokenRevocations(sql, tokenRevocationsReadSeconds)) {
      if ((epochs.peek(userId) ?? epoch) < epoch) epochs.delete(userId);
    }
    readAtMs = askedAtMs;
  }

  function poll(): void {
    clock.startTimer(
      tokenRevocationPollMs,
      () =>
        void readRevocations()
          .catch(() => undefined)
          .then(poll),
    );
  }
  poll();

  return {
    /** Returns whether the user exists and the token's epoch is the current one. Most calls return true without a query. */
    has(subject: TokenSubject): true | Promise<boolean> {
      if (clock.now() - readAtMs > tokenRevocationsTrustMs) return look(subject);
      return epochs.get(subject.userId) === subject.epoch ? true : look(subject);
    },
    remember,
    forget: (userId: number): void => void epochs.delete(userId),
  };
}
