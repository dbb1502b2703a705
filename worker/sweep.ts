import { setTimeout as sleep } from 'node:timers/promises';
import { withSweepLock } from '../src/database/sweep-lock.ts';
import { objectSweepIntervalMs } from './limits.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type ObjectSweepDeps, openStrayFinder, type StrayFinder, sweepIntents } from './sweep-objects.ts';
import { type QueueSweepDeps, sweepQueue } from './sweep-queue.ts';
import type { Report } from './sweep-report.ts';

export type SweepDeps = QueueSweepDeps & ObjectSweepDeps;

const queueLock = 'sweep-queue';
const objectLock = 'sweep-objects';

/** Runs every sweep once. Resolves to false when another process runs one of them. */
export async function sweepOnce(deps: SweepDeps, dryRun: boolean, report: Report): Promise<boolean> {
  const queueDone = await withSweepLock(deps.sql, queueLock, async () => {
    await sweepQueue(deps, dryRun, report);
    return true;
  });
  const objectsDone = await sweepObjectsOnce(deps, openStrayFinder(deps), dryRun, report);
  return queueDone === true && objectsDone;
}

async function sweepObjectsOnce(
  deps: SweepDeps,
  findStrays: StrayFinder,
  dryRun: boolean,
  report: Report,
): Promise<boolean> {
  const done = await withSweepLock(deps.sql, objectLock, async () => {
    await sweepIntents(deps, dryRun, report);
    await findStrays(dryRun, report);
    return true;
  });
  return done === true;
}

/**
 * Sweeps the queue every few seconds, so that jobs lost with Redis are soon requeued, and the objects every minute. Of all workers
 * one sweeps at a time. A failed sweep is retried at the next interval. `stop` resolves when no sweep is running.
 */
export function startSweeping(deps: SweepDeps & { readonly queueSweepSeconds: number }, metrics: WorkerMetrics) {
  const stopping = new AbortController();
  const report: Report = (kind, what) => {
    metrics.sweepFindings.inc({ kind });
    deps.log.info({ kind, what }, 'sweep repaired a finding');
  };
  const findStrays = openStrayFinder(deps);
  const loops = [
    repeat(deps.queueSweepSeconds * 1000, () =>
      withSweepLock(deps.sql, queueLock, () => sweepQueue(deps, false, report)),
    ),
    repeat(objectSweepIntervalMs, () => sweepObjectsOnce(deps, findStrays, false, report)),
  ];

  async function repeat(intervalMs: number, sweep: () => Promise<unknown>): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep().catch((error: unknown) => deps.log.warn({ err: error }, 'sweep failed, will be retried'));
      // The jitter spreads the sweeps of workers that were started together.
      const pauseMs = intervalMs * (0.8 + 0.4 * Math.random());
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  return {
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
