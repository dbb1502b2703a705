import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { localLimitKeysMax } from '../limits.ts';
import type { RedisGate } from './redis-gate.ts';

export interface Count {
  readonly consumed: number;
  readonly remaining: number;
  /** Whole seconds until the window ends, at least one. */
  readonly endsInSeconds: number;
  readonly isExceeded: boolean;
}

export interface Counter {
  /** Counts one use. The window begins with the first one, and lasts `windowSeconds` if given. */
  consume(key: string, windowSeconds?: number): Promise<Count>;
  /** Resolves to the count without a use, or to undefined when nothing was counted. */
  read(key: string): Promise<Count | undefined>;
  /** Sets the count to one and starts a new window. */
  mark(key: string): Promise<void>;
  clear(key: string): Promise<void>;
}

interface CounterOptions {
  readonly prefix: string;
  readonly points: number;
  readonly windowSeconds: number;
  /** Whether this process remembers a key over its limit until the window ends, which saves calls to Redis. */
  readonly remembersExceeded?: boolean;
}

/**
 * Creates a counter by key, which counts in Redis or in this process, as the gate decides. In this process a limit is the process's
 * share of the instance's limit, and the number of keys is bounded: the least recently used one is dropped.
 */
export function createCounter(
  gate: RedisGate,
  { prefix, points, windowSeconds, remembersExceeded = false }: CounterOptions,
): Counter {
  const shared = new RateLimiterRedis({
    storeClient: gate.redis,
    keyPrefix: prefix,
    points,
    duration: windowSeconds,
    ...(remembersExceeded ? { inMemoryBlockOnConsumed: points + 1 } : {}),
    rejectIfRedisNotReady: true,
  });
  const own = new RateLimiterMemory({ points: Math.ceil(points / gate.processes), duration: windowSeconds });
  const ownKeys = new LRUCache<string, true>({ max: localLimitKeysMax, dispose: (_, key) => void own.delete(key) });
  type Limiter = typeof shared | typeof own;

  function ask<T>(key: string, call: (limiter: Limiter) => Promise<T>): Promise<T> {
    return gate.ask(
      () => call(shared),
      () => {
        if (ownKeys.get(key) === undefined) ownKeys.set(key, true);
        return call(own);
      },
    );
  }

  return {
    consume: (key, seconds) => ask(key, (limiter) => consume(limiter, key, seconds)),
    read: async (key) => {
      const left = await ask(key, (limiter) => limiter.get(key));
      return left === null ? undefined : toCount(left, false);
    },
    mark: async (key) => {
      await ask(key, (limiter) => limiter.set(key, 1, windowSeconds));
    },
    clear: async (key) => {
      await ask(key, (limiter) => limiter.delete(key));
    },
  };
}

/** The library rejects with its result when the limit is exceeded, and with an error when it could not count. */
async function consume(
  limiter: RateLimiterRedis | RateLimiterMemory,
  key: string,
  seconds: number | undefined,
): Promise<Count> {
  try {
    return toCount(await limiter.consume(key, 1, seconds === undefined ? {} : { customDuration: seconds }), false);
  } catch (error) {
    if (error instanceof RateLimiterRes) return toCount(error, true);
    throw error;
  }
}

function toCount(left: RateLimiterRes, isExceeded: boolean): Count {
  return {
    consumed: left.consumedPoints,
    remaining: Math.max(0, left.remainingPoints),
    endsInSeconds: Math.max(1, Math.ceil(left.msBeforeNext / 1000)),
    isExceeded,
  };
}
