import type { WorkerConfig } from '../../../src/config.ts';
import type { Sql } from '../../../src/database/open.ts';
import type { ObjectStore } from '../../../src/objects/store.ts';
import type { Producer } from '../../../src/queue/producer.ts';
import type { LedgerEntry } from './ledger.ts';

/** What the checks look at. Nothing of it is changed. */
export interface CheckDeps {
  readonly config: WorkerConfig;
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly producer: Producer;
  /** Absent when nobody kept one: then the rows alone are held against the objects. */
  readonly ledger: readonly LedgerEntry[] | undefined;
  /** Of the service that runs; absent when only its stores are there. */
  readonly service: RunningService | undefined;
  /** How long something that may be under way has to settle before it counts. */
  readonly settleMs: number;
}

export interface RunningService {
  readonly baseUrl: string;
  readonly metricsUrls: readonly string[];
}

export interface Finding {
  /** How much was looked at, in words. */
  readonly checked: string;
  /** What breaks the invariant, one a line; empty when it holds. */
  readonly breaks: readonly string[];
}

export interface Invariant {
  readonly number: number;
  readonly name: string;
  readonly check: (parts: CheckDeps) => Promise<Finding>;
}
