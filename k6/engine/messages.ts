import type { ClientBehavior } from './client-behavior.ts';
import type { CustomMetric } from './registry.ts';
import type { Series } from './samples.ts';

export interface ThreadSettings {
  scriptUrl: string;
  env: Readonly<Record<string, string>>;
  index: number;
  threads: number;
  behavior: ClientBehavior;
}

/** A message to a thread. */
export type ThreadCommand =
  | { kind: 'setup' }
  | { kind: 'start'; startAt: number; setupData: unknown }
  | { kind: 'stop' }
  | { kind: 'teardown'; setupData: unknown }
  | { kind: 'summarize'; data: unknown }
  | { kind: 'end' };

/** Counts since the start of a scenario, in one thread. */
export interface ScenarioCount {
  started: number;
  completed: number;
  dropped: number;
  interrupted: number;
  /** Iterations that threw. */
  failed: number;
  active: number;
  vusPeak: number;
}

/** CPU time that a thread used, and time that it waited for a core. */
export interface ThreadCpu {
  usedMs: number;
  waitedMs: number;
}

/** A message from a thread. */
export type ThreadEvent =
  | { kind: 'loaded'; options: unknown; metrics: CustomMetric[]; exports: string[] }
  | { kind: 'done'; result: unknown }
  | {
      kind: 'progress';
      at: number;
      series: Series[];
      counts: Record<string, ScenarioCount>;
      cpu: ThreadCpu | undefined;
    }
  | { kind: 'finished' }
  | { kind: 'failed'; message: string; exitCode: number };
