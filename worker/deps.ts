import type { Sql } from '../src/database/open.ts';
import type { Logger } from '../src/log.ts';
import type { ObjectStore } from '../src/objects/store.ts';
import type { CpuSemaphore } from './cpu-semaphore.ts';
import type { WorkerMetrics } from './metrics.ts';
import type { Pool } from './pool.ts';
import type { Profile } from './profile.ts';
import type { Sandbox } from './sandbox.ts';
import type { Scratch } from './scratch.ts';
import type { WorkerCapacity } from './tool-limits.ts';
import type { Tools } from './tools.ts';

/** The dependencies of a job, opened once by main and passed down. */
export interface WorkerDeps {
  readonly log: Logger;
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly metrics: WorkerMetrics;
  readonly scratch: Scratch;
  readonly tools: Tools;
  readonly sandbox: Sandbox;
  readonly pool: Pool;
  readonly cpuSemaphore: CpuSemaphore;
  readonly capacity: WorkerCapacity;
  readonly profile: Profile;
  /** Returns whether this worker has no other active job. */
  readonly isOnlyActiveJob: () => boolean;
}
