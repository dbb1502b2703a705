import { ClientAborted } from './client-behavior.ts';
import { RunFailure } from './exit-codes.ts';
import type { ScenarioCount } from './messages.ts';
import type { ScenarioSpec } from './options.ts';
import { internTags, iterations, now, thread } from './runtime.ts';

export interface ScenarioRunner {
  spec: ScenarioSpec;
  count: ScenarioCount;
  run: (data: unknown) => unknown;
  data: unknown;
  /** Aborted at the end of the scenario's gracefulStop, which cancels running requests. */
  interrupt: AbortController;
  onFatal(error: RunFailure): void;
}

/** The numbers and the due time of an iteration. */
export interface IterationSlot {
  vu: number;
  inTest: number;
  ofVu: number;
  dueAt: number | undefined;
}

const reportedFailuresMax = 5;

/** Runs one iteration of a virtual user. Never rejects. */
export async function iterate(runner: ScenarioRunner, slot: IterationSlot): Promise<void> {
  const { spec, count } = runner;
  const startedAt = now();
  const tags = internTags({ ...spec.tags, scenario: spec.name });
  if (slot.dueAt !== undefined) thread.samples.add('generator_lateness', startedAt - slot.dueAt, tags, slot.dueAt);
  count.started += 1;
  count.active += 1;
  const iteration = {
    ...slot,
    scenario: spec.name,
    executor: spec.executor,
    tags: spec.tags,
    env: spec.env,
    signal: runner.interrupt.signal,
  };
  try {
    await iterations.run(iteration, async () => runner.run(runner.data));
  } catch (error) {
    if (error instanceof RunFailure) runner.onFatal(error);
    if (!(error instanceof ClientAborted)) reportFailure(runner, error);
  }
  count.active -= 1;
  if (runner.interrupt.signal.aborted) {
    count.interrupted += 1;
    return;
  }
  count.completed += 1;
  thread.samples.add('iterations', 1, tags, startedAt);
  thread.samples.add('iteration_duration', now() - (slot.dueAt ?? startedAt), tags, startedAt);
}

function reportFailure({ spec, count }: ScenarioRunner, error: unknown): void {
  count.failed += 1;
  if (count.failed > reportedFailuresMax) return;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`scenario ${spec.name}: an iteration threw ${text}\n`);
}
