import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { type Clock, systemClock } from '../clock.ts';
import { rateLimiterDeadlineMs, rateLimiterPauseMs } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import { type Limit, type LimitName, limitsByName } from './limits-by-name.ts';

export type RateLimiter = ReturnType<typeof openRateLimiter>;

/** The state of a limit after one more use of it. */
export interface Use extends Limit {
  readonly name: LimitName;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly isExceeded: boolean;
}

/**
 * Counts uses in Redis, so that a limit holds across all instances. Fails open: when Redis does not answer in time, calls
 * `onFailOpen` and allows requests for `rateLimiterPauseMs` without calling Redis, so that they do not wait one by one.
 */
export function openRateLimiter(
  redis: object,
  onFailOpen: () => void,
  { clock = systemClock, deadlineMs = rateLimiterDeadlineMs }: { clock?: Clock; deadlineMs?: number } = {},
) {
  const limiters = new Map(
    (Object.keys(limitsByName) as LimitName[]).map((name) => [name, createLimiter(redis, name)] as const),
  );
  let pausedUntilMs = 0;

  return {
    /** Counts one use. Resolves to undefined when the limiter fails open. */
    async use(name: LimitName, key: string): Promise<Use | undefined> {
      const limiter = limiters.get(name);
      if (limiter === undefined || clock.now() < pausedUntilMs) {
        onFailOpen();
        return undefined;
      }
      const createError = () => new Error(`Expected Redis to answer within ${deadlineMs} ms, got none`);
      try {
        return toUse(name, await withTimeout(consume(limiter, key), deadlineMs, createError));
      } catch {
        pausedUntilMs = clock.now() + rateLimiterPauseMs;
        onFailOpen();
        return undefined;
      }
    },
  };
}

/** Creates the limiter of one limit. Keys that exceed it are blocked in memory until their window ends, without calling Redis. */
function createLimiter(redis: object, name: LimitName): RateLimiterRedis {
  const { count, windowSeconds } = limitsByName[name];
  return new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `limit:${name}`,
    points: count,
    duration: windowSeconds,
    inMemoryBlockOnConsumed: count + 1,
    rejectIfRedisNotReady: true,
  });
}

/** Counts one use. The library rejects with its result when the limit is exceeded, and with an error when Redis failed. */
async function consume(limiter: RateLimiterRedis, key: string): Promise<{ left: RateLimiterRes; isExceeded: boolean }> {
  try {
    return { left: await limiter.consume(key), isExceeded: false };
  } catch (error) {
    if (error instanceof RateLimiterRes) return { left: error, isExceeded: true };
    throw error;
  }
}

function toUse(name: LimitName, { left, isExceeded }: { left: RateLimiterRes; isExceeded: boolean }): Use {
  return {
    name,
    ...limitsByName[name],
    remaining: left.remainingPoints,
    resetSeconds: Math.max(1, Math.ceil(left.msBeforeNext / 1000)),
    isExceeded,
  };
}
