import type { Config } from '../../../src/config.ts';
import type { Sql } from '../../../src/database/open.ts';
import type { ObjectStore } from '../../../src/objects/store.ts';
import type { VideoProducer } from '../../../src/queue/video-queue.ts';
import type { LedgerEntry } from './ledger.ts';

/** Input of the checks, which change nothing. */
export interface CheckDeps {
  readonly config: Config;
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly producer: VideoProducer;
  /** Absent if clients kept none: then only the rows are compared with the objects. */
  readonly ledger: readonly LedgerEntry[] | undefined;
  /** Absent if the service does not run: then only its stores are checked. */
  readonly service: RunningService | undefined;
  /** Delay before a second look at what may be a running operation. */
  readonly settleMs: number;
}

export interface RunningService {
  readonly baseUrl: string;
  readonly metricsUrls: readonly string[];
}

export interface Finding {
  /** Describes how much was checked. */
  readonly checked: string;
  /** One entry per violation; empty if the invariant holds. */
  readonly breaks: readonly string[];
}

export interface Invariant {
  readonly number: number;
  readonly name: string;
  readonly check: (deps: CheckDeps) => Promise<Finding>;
}
