import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { type Clock, systemClock } from '../clock.ts';
import { rateLimiterDeadlineMs, rateLimiterPauseMs } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';
import { type Limit, type LimitName, limitsByName } from './limits-by-name.ts';

export type RateLimiter = ReturnType<typeof openRateLimiter>;

/** What is left of a limit after one more use of it. */
export interface Use extends Limit {
  readonly name: LimitName;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly isExceeded: boolean;
}

/**
 * Counts uses in Redis, so that a limit holds over all instances. Where Redis does not answer in time nobody is limited
 * (`onOpen` is told), and it is left alone for a moment, so that requests do not wait for it one by one.
 */
export function openRateLimiter(
  redis: object,
  onOpen: () => void,
  { clock = systemClock, deadlineMs = rateLimiterDeadlineMs }: { clock?: Clock; deadlineMs?: number } = {},
) {
  const limiters = new Map(
    (Object.keys(limitsByName) as LimitName[]).map((name) => [name, createLimiter(redis, name)] as const),
  );
  let askAgainAtMs = 0;

  return {
    /** Undefined where nobody could be asked. */
    async use(name: LimitName, key: string): Promise<Use | undefined> {
      const limiter = limiters.get(name);
      if (limiter === undefined || clock.now() < askAgainAtMs) {
        onOpen();
        return undefined;
      }
      try {
        return toUse(name, await withTimeout(consume(limiter, key), deadlineMs, () => new Error('Redis is late')));
      } catch {
        askAgainAtMs = clock.now() + rateLimiterPauseMs;
        onOpen();
        return undefined;
      }
    },
  };
}

/** A key that has used up its limit is remembered here until its window ends, and costs Redis nothing more. */
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

/** The library rejects with its result when the limit is exceeded, and with an error when it could not count. */
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
