import { hash } from 'node:crypto';
import { createCounter } from './counter.ts';
import {
  knownNetworkSeconds,
  logInFailuresFree,
  logInFailuresWindowSeconds,
  logInWaitFirstSeconds,
  logInWaitMaxSeconds,
} from './limits-by-name.ts';
import type { RedisGate } from './redis-gate.ts';

export type LogInGuard = ReturnType<typeof openLogInGuard>;

export interface LogInAttempt {
  /** 0 if the password may be verified. Otherwise the time until the next attempt is allowed. */
  readonly waitSeconds: number;
  /** Call when the password was right: clears the account's failures, and remembers the network as known. */
  succeeded(): Promise<void>;
}

/**
 * Slows down password guessing at one account from many addresses. Every attempt counts as a failure until it has succeeded, so that
 * concurrent attempts are counted as well. After `logInFailuresFree` failures one attempt at a time is allowed, and the wait until
 * the next one doubles.
 *
 * All unknown networks are counted together. A network from which the user has recently logged in is known and counted by itself, so
 * that an attack from elsewhere does not lock the user out, and an attack from the user's own network is slowed down as well.
 * Accounts that do not exist are counted like others. Redis stores only hashes of accounts and networks.
 */
export function openLogInGuard(gate: RedisGate) {
  const known = createCounter(gate, { prefix: 'login:known', points: 1, windowSeconds: knownNetworkSeconds });
  const failures = createCounter(gate, {
    prefix: 'login:failures',
    // Never exceeded: the counter is only read.
    points: Number.MAX_SAFE_INTEGER - 1,
    windowSeconds: logInFailuresWindowSeconds,
  });
  const waits = createCounter(gate, { prefix: 'login:wait', points: 1, windowSeconds: logInWaitMaxSeconds });

  return {
    /** @param network The client's network, as `toNetworkKey` returns it. */
    async begin(email: string, network: string): Promise<LogInAttempt> {
      const ownNetwork = hashKey(email, network);
      const key = (await known.read(ownNetwork)) === undefined ? hashKey(email) : ownNetwork;
      const succeeded = async () => {
        await Promise.all([failures.clear(key), waits.clear(key), known.mark(ownNetwork)]);
      };
      const running = await waits.read(key);
      if (running !== undefined) return { waitSeconds: running.endsInSeconds, succeeded };
      const { consumed } = await failures.consume(key);
      if (consumed <= logInFailuresFree) return { waitSeconds: 0, succeeded };
      const started = await waits.consume(key, waitAfter(consumed));
      return { waitSeconds: started.isExceeded ? started.endsInSeconds : 0, succeeded };
    },
  };
}

/** Returns the key of a counter: a hash, so that Redis stores no address in clear text. */
export function hashKey(...parts: string[]): string {
  return hash('sha256', parts.join('\0'), 'base64url');
}

/** Returns the wait after a failure: 2 s, 4 s, 8 s and so on up to the maximum, from the first failure that is not free. */
export function waitAfter(failuresSoFar: number): number {
  const doublings = Math.min(failuresSoFar - logInFailuresFree - 1, 30);
  return Math.min(logInWaitFirstSeconds * 2 ** doublings, logInWaitMaxSeconds);
}
