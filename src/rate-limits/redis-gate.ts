import { type Clock, systemClock } from '../clock.ts';
import { rateLimiterDeadlineMs, rateLimiterPauseMs } from '../limits.ts';
import { withTimeout } from '../with-timeout.ts';

export type RedisGate = ReturnType<typeof openRedisGate>;

interface GateOptions {
  /** Web processes of the instance. Each gets an equal share of a limit while Redis is unavailable. */
  processes: number;
  /** Called for each use that Redis did not count. */
  onFallback: (reason: unknown) => void;
  clock?: Clock;
  deadlineMs?: number;
}

/**
 * Opens a gate that calls Redis first, so that a limit is shared by all instances. When Redis does not answer in time, this process
 * counts by itself, and pauses the calls to Redis for `rateLimiterPauseMs`, so that not every request waits for the deadline.
 */
export function openRedisGate(
  redis: object,
  { processes, onFallback, clock = systemClock, deadlineMs = rateLimiterDeadlineMs }: GateOptions,
) {
  let askAgainAtMs = Number.NEGATIVE_INFINITY;
  let lastReason: unknown;

  return {
    redis,
    processes,
    async ask<T>(inRedis: () => Promise<T>, here: () => Promise<T>): Promise<T> {
      if (clock.now() >= askAgainAtMs) {
        try {
          return await withTimeout(
            inRedis(),
            deadlineMs,
            () => new Error(`Redis did not answer within ${deadlineMs} ms`),
          );
        } catch (error) {
          askAgainAtMs = clock.now() + rateLimiterPauseMs;
          lastReason = error;
        }
      }
      onFallback(lastReason);
      return here();
    },
  };
}
