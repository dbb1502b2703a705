import { checkDatabase, type Sql } from '../database/open.ts';
import { within } from '../deadline.ts';
import { readinessCheckMs, readinessFreshMs } from '../limits.ts';
import type { ObjectStore } from '../objects/store.ts';

export type Readiness = ReturnType<typeof openReadiness>;

/**
 * Whether what this instance cannot do without is in reach: the database and the bucket. Redis is not among them: without it
 * videos wait, but nothing is refused. Asked at most once in `readinessFreshMs`, however many balancers ask.
 */
export function openReadiness(sql: Sql, objects: ObjectStore) {
  let latest: Promise<string | undefined> | undefined;
  let askedAtMs = 0;

  async function ask(): Promise<string | undefined> {
    const [database, bucket] = await Promise.allSettled([
      within(checkDatabase(sql), readinessCheckMs, () => new Error('no answer in time')),
      objects.checkBucket(AbortSignal.timeout(readinessCheckMs)),
    ]);
    if (database.status === 'rejected') return 'database out of reach';
    if (bucket.status === 'rejected') return 'object store out of reach';
    return undefined;
  }

  /** Resolves to what is missing; undefined when nothing is. */
  return (): Promise<string | undefined> => {
    const now = performance.now();
    if (latest === undefined || now - askedAtMs > readinessFreshMs) {
      askedAtMs = now;
      latest = ask();
    }
    return latest;
  };
}
