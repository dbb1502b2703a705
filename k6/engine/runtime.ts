import { AsyncLocalStorage } from 'node:async_hooks';
import { type ClientBehavior, patient } from './client-behavior.ts';
import { refuse } from './exit-codes.ts';
import type { CustomMetric } from './registry.ts';
import { createSampleBuffer } from './samples.ts';

/** One iteration under way. Virtual users share a thread and its modules: what is theirs alone stands here. */
export interface Iteration {
  vu: number;
  scenario: string;
  executor: string;
  inTest: number;
  ofVu: number;
  tags: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
  /** When it was to begin; the first request's latency counts from here. Milliseconds since 1970. */
  dueAt: number | undefined;
  signal: AbortSignal;
}

export interface ThreadState {
  samples: ReturnType<typeof createSampleBuffer>;
  metrics: CustomMetric[];
  env: Readonly<Record<string, string>>;
  /** False as soon as the scenario file is loaded: what belongs to k6's init context is refused from then on. */
  isLoading: boolean;
  discardsBodies: boolean;
  behavior: ClientBehavior;
  options: unknown;
}

export const thread: ThreadState = {
  samples: createSampleBuffer(),
  metrics: [],
  env: {},
  isLoading: true,
  discardsBodies: false,
  behavior: patient,
  options: {},
};

export const iterations = new AsyncLocalStorage<Iteration>();

/** Milliseconds since 1970 that never step back; the same in every thread. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

export function currentIteration(): Iteration {
  const iteration = iterations.getStore();
  if (iteration === undefined) throw refuse('This call outside of an iteration, setup or teardown');
  return iteration;
}

export function requireLoading(what: string): void {
  if (!thread.isLoading)
    throw refuse(`${what} after the script was loaded`, 'call it at the top of the file, as in k6');
}

const interned = new Map<string, Readonly<Record<string, string>>>();

/** The same tags are the same object, which keeps adding a sample cheap. */
export function internTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const key = JSON.stringify(tags);
  const known = interned.get(key);
  if (known !== undefined) return known;
  interned.set(key, tags);
  return tags;
}
