import { setTimeout as sleep } from 'node:timers/promises';
import { withSweepLock } from '../src/database/sweep-lock.ts';
import { objectSweepIntervalMs } from '../src/limits.ts';
import type { WorkerMetrics } from './metrics.ts';
import { type ObjectSweepDeps, openStrayFinder, type StrayFinder, sweepIntents } from './sweep-objects.ts';
import { type QueueSweepDeps, sweepQueue } from './sweep-queue.ts';
import type { Report } from './sweep-report.ts';

export type SweepDeps = QueueSweepDeps & ObjectSweepDeps;

const queueLock = 'sweep-queue';
const objectLock = 'sweep-objects';

/** Everything once. False when another process is at it. */
export async function sweepOnce(parts: SweepDeps, dryRun: boolean, report: Report): Promise<boolean> {
  const queueDone = await withSweepLock(parts.sql, queueLock, async () => {
    await sweepQueue(parts, dryRun, report);
    return true;
  });
  const objectsDone = await sweepObjectsOnce(parts, openStrayFinder(parts), dryRun, report);
  return queueDone === true && objectsDone;
}

async function sweepObjectsOnce(
  parts: SweepDeps,
  findStrays: StrayFinder,
  dryRun: boolean,
  report: Report,
): Promise<boolean> {
  const done = await withSweepLock(parts.sql, objectLock, async () => {
    await sweepIntents(parts, dryRun, report);
    await findStrays(dryRun, report);
    return true;
  });
  return done === true;
}

/**
 * Sweeps the queue often, so that an emptied Redis costs seconds, and the objects now and then; over all workers one at a
 * time. A sweep that fails is tried again at its next turn. Stop by `stop`, which settles when none is under way.
 */
export function startSweeping(parts: SweepDeps & { readonly queueSweepSeconds: number }, metrics: WorkerMetrics) {
  const stopping = new AbortController();
  const report: Report = (kind, what) => {
    metrics.sweepFindings.inc({ kind });
    parts.log.info({ kind, what }, 'sweep');
  };
  const findStrays = openStrayFinder(parts);
  const loops = [
    repeat(parts.queueSweepSeconds * 1000, () =>
      withSweepLock(parts.sql, queueLock, () => sweepQueue(parts, false, report)),
    ),
    repeat(objectSweepIntervalMs, () => sweepObjectsOnce(parts, findStrays, false, report)),
  ];

  async function repeat(intervalMs: number, sweep: () => Promise<unknown>): Promise<void> {
    while (!stopping.signal.aborted) {
      await sweep().catch((error: unknown) => parts.log.warn({ err: error }, 'a sweep failed'));
      // Workers that were started together need not sweep together.
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
