import { AsyncLocalStorage } from 'node:async_hooks';
import { type ClientBehavior, defaultBehavior } from './client-behavior.ts';
import { refuse } from './exit-codes.ts';
import type { CustomMetric } from './registry.ts';
import { createSampleBuffer } from './samples.ts';

/** A running iteration. Virtual users share a thread and its modules, so their own state is kept here. */
export interface Iteration {
  vu: number;
  scenario: string;
  executor: string;
  inTest: number;
  ofVu: number;
  tags: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
  /** When the iteration was due, in milliseconds since 1970. The latency of its first request counts from here. */
  dueAt: number | undefined;
  signal: AbortSignal;
}

export interface ThreadState {
  samples: ReturnType<typeof createSampleBuffer>;
  metrics: CustomMetric[];
  env: Readonly<Record<string, string>>;
  /** False when the scenario file is loaded: calls of k6's init context are then rejected. */
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
  behavior: defaultBehavior,
  options: {},
};

export const iterations = new AsyncLocalStorage<Iteration>();

/** Returns milliseconds since 1970, monotonic and equal in every thread. */
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

/** Returns the same object for equal tags, which makes adding a sample cheap. */
export function internTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const key = JSON.stringify(tags);
  const known = interned.get(key);
  if (known !== undefined) return known;
  interned.set(key, tags);
  return tags;
}
