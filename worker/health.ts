import { setTimeout as sleep } from 'node:timers/promises';
import type { FindMissing } from '../src/dependencies.ts';
import type { Logger } from '../src/log.ts';
import { workerHealthCheckMs } from './limits.ts';

/**
 * Logs when a dependency becomes unreachable and when all are reachable again. Without it a worker that cannot work would look like
 * an idle one.
 */
export function watchHealth(log: Logger, findMissing: FindMissing) {
  const stopping = new AbortController();
  let reported = '';

  async function check(): Promise<void> {
    const missing = await findMissing();
    if (missing.join() === reported) return;
    reported = missing.join();
    if (missing.length > 0) log.warn({ missing }, 'dependencies unreachable');
    else log.info('all dependencies reachable again');
  }

  async function repeat(): Promise<void> {
    while (!stopping.signal.aborted) {
      await check();
      await sleep(workerHealthCheckMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const loop = repeat();
  return {
    /** Stops the checks. Resolves when none is running. */
    stop(): Promise<void> {
      stopping.abort();
      return loop;
    },
  };
}
