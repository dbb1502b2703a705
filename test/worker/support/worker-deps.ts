import { Registry } from 'prom-client';
import type { Test } from 'tap';
import { openLog } from '../../../src/log.ts';
import { openCpuSemaphore } from '../../../worker/cpu-semaphore.ts';
import type { WorkerDeps } from '../../../worker/deps.ts';
import { createWorkerMetrics } from '../../../worker/metrics.ts';
import { openPool } from '../../../worker/pool.ts';
import { showcaseProfile } from '../../../worker/profile.ts';
import { openScratch } from '../../../worker/scratch.ts';
import type { Environment } from '../../support/environment.ts';
import { openParts } from './clips.ts';

/** Opens a worker's dependencies in the test's own process, on the test's own servers. */
export async function openWorkerDeps(t: Test, environment: Environment): Promise<WorkerDeps> {
  const { tools, sandbox, capacity } = await openParts(t);
  const pool = openPool(2);
  t.teardown(() => pool.close());
  return {
    log: openLog('silent'),
    sql: environment.sql,
    objects: environment.objects,
    metrics: createWorkerMetrics(new Registry(), async () => ({ waiting: 0, workers: 1 })),
    scratch: openScratch(environment.config.dataDir),
    tools,
    sandbox,
    pool,
    cpuSemaphore: openCpuSemaphore(2),
    capacity,
    profile: showcaseProfile,
    isOnlyActiveJob: () => true,
  };
}
