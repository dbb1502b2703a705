import { setTimeout as sleep } from 'node:timers/promises';
import type { FindMissing } from '../src/dependencies.ts';
import { workerHealthCheckMs } from '../src/limits.ts';
import type { Logger } from '../src/log.ts';

/**
 * Logs when a dependency gets out of reach, and when all can be used again. Without this a worker that can do nothing would
 * look like one that has nothing to do.
 */
export function watchHealth(log: Logger, findMissing: FindMissing) {
  const stopping = new AbortController();
  let reported = '';

  async function check(): Promise<void> {
    const missing = await findMissing();
    if (missing.join() === reported) return;
    reported = missing.join();
    if (missing.length > 0) log.warn({ missing }, 'dependencies out of reach');
    else log.info('all dependencies in reach again');
  }

  async function repeat(): Promise<void> {
    while (!stopping.signal.aborted) {
      await check();
      await sleep(workerHealthCheckMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const loop = repeat();
  return {
    /** No check runs any more when this settles. */
    stop(): Promise<void> {
      stopping.abort();
      return loop;
    },
  };
}
