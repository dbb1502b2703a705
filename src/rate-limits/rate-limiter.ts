import { type Count, type Counter, createCounter } from './counter.ts';
import { type Limit, type LimitName, limitsByName } from './limits-by-name.ts';
import type { RedisGate } from './redis-gate.ts';

export type RateLimiter = ReturnType<typeof openRateLimiter>;

/** The state of a limit after one more use of it. */
export interface Use extends Limit {
  readonly name: LimitName;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly isExceeded: boolean;
}

/** Opens the counters of all limits: in Redis or, while Redis does not answer, in this process (see `openRedisGate`). */
export function openRateLimiter(gate: RedisGate) {
  const counters = new Map<LimitName, Counter>(
    (Object.keys(limitsByName) as LimitName[]).map((name) => {
      const { count, windowSeconds } = limitsByName[name];
      return [
        name,
        createCounter(gate, { prefix: `limit:${name}`, points: count, windowSeconds, remembersExceeded: true }),
      ];
    }),
  );

  return {
    async use(name: LimitName, key: string): Promise<Use> {
      return toUse(name, await (counters.get(name) as Counter).consume(key));
    },
  };
}

function toUse(name: LimitName, { remaining, endsInSeconds, isExceeded }: Count): Use {
  return {
    name,
    ...limitsByName[name],
    remaining,
    resetSeconds: endsInSeconds,
    isExceeded,
  };
}
