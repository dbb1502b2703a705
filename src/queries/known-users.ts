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
 * Remembers for a minute which users exist, and the epoch of their tokens. Revocations of all processes are read every second,
 * so that a revoked token is refused within 5 s everywhere at the price of one query a second, not one a request. While they
 * cannot be read, nothing is remembered and each request asks the database.
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

  /** An epoch only grows: an answer that comes late never replaces a later one. */
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
    /** Whether there is such a user and the token's epoch is his present one. True at once for most requests. */
    has(subject: TokenSubject): true | Promise<boolean> {
      if (clock.now() - readAtMs > tokenRevocationsTrustMs) return look(subject);
      return epochs.get(subject.userId) === subject.epoch ? true : look(subject);
    },
    remember,
    forget: (userId: number): void => void epochs.delete(userId),
  };
}
