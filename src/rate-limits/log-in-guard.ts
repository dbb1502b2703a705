import { hash } from 'node:crypto';
import {
  knownNetworkSeconds,
  logInFailuresFree,
  logInFailuresWindowSeconds,
  logInWaitFirstSeconds,
  logInWaitMaxSeconds,
} from '../limits.ts';
import { createCounter } from './counter.ts';
import type { RedisGate } from './redis-gate.ts';

export type LogInGuard = ReturnType<typeof openLogInGuard>;

export interface LogInAttempt {
  /** 0 where the password may be looked at; else how long the caller has to wait first. */
  readonly waitSeconds: number;
  /** The password was right: what was counted against the account is forgotten, and the network is known from now on. */
  succeeded(): Promise<void>;
}

/**
 * Slows down guesses at one account that come from many addresses. Every attempt counts as a failure until it has succeeded, so
 * that attempts at once are counted, too. After some free ones only one attempt is let through at a time, and the wait
 * until the next doubles.
 *
 * All networks count together, but for those from which the account was logged in to lately: each of these counts by itself, so
 * that an attack from elsewhere never keeps the owner out, and one from the owner's own network is slowed down as well. An
 * account that does not exist is counted as any other. Redis gets to know neither the account nor the address.
 */
export function openLogInGuard(gate: RedisGate) {
  const known = createCounter(gate, { prefix: 'login:known', points: 1, windowSeconds: knownNetworkSeconds });
  const failures = createCounter(gate, {
    prefix: 'login:failures',
    // Never exceeded: it is only counted.
    points: Number.MAX_SAFE_INTEGER - 1,
    windowSeconds: logInFailuresWindowSeconds,
  });
  const turns = createCounter(gate, { prefix: 'login:wait', points: 1, windowSeconds: logInWaitMaxSeconds });

  return {
    /** @param network The client's network: a few addresses that are likely to be of the same place. */
    async begin(email: string, network: string): Promise<LogInAttempt> {
      const ownNetwork = nameOf(email, network);
      const key = (await known.read(ownNetwork)) === undefined ? nameOf(email) : ownNetwork;
      const succeeded = async () => {
        await Promise.all([failures.clear(key), turns.clear(key), known.mark(ownNetwork)]);
      };
      const turn = await turns.read(key);
      if (turn !== undefined) return { waitSeconds: toSeconds(turn.endsInMs), succeeded };
      const { consumed } = await failures.consume(key);
      if (consumed <= logInFailuresFree) return { waitSeconds: 0, succeeded };
      const mine = await turns.consume(key, waitAfter(consumed));
      return { waitSeconds: mine.isExceeded ? toSeconds(mine.endsInMs) : 0, succeeded };
    },
  };
}

function nameOf(...parts: string[]): string {
  return hash('sha256', parts.join('\0'), 'base64url');
}

/** From the first failure that is not free: 2 s, 4 s, 8 s and so on, up to the longest. */
export function waitAfter(failuresSoFar: number): number {
  const doublings = Math.min(failuresSoFar - logInFailuresFree - 1, 30);
  return Math.min(logInWaitFirstSeconds * 2 ** doublings, logInWaitMaxSeconds);
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
