import { ClientLeft } from './client-behavior.ts';
import { RunFailure } from './exit-codes.ts';
import type { ScenarioCount } from './messages.ts';
import type { ScenarioSpec } from './options.ts';
import { internTags, iterations, now, thread } from './runtime.ts';

export interface ScenarioRunner {
  spec: ScenarioSpec;
  count: ScenarioCount;
  run: (data: unknown) => unknown;
  data: unknown;
  /** Aborted when the scenario's grace is over: requests under way are cut. */
  interrupt: AbortController;
  onFatal(error: RunFailure): void;
}

export interface Turn {
  vu: number;
  inTest: number;
  ofVu: number;
  dueAt: number | undefined;
}

const shownFailures = 5;

/** One iteration of one virtual user, from its first line to its last. Never rejects. */
export async function iterate(runner: ScenarioRunner, turn: Turn): Promise<void> {
  const { spec, count } = runner;
  const begunAt = now();
  const tags = internTags({ ...spec.tags, scenario: spec.name });
  if (turn.dueAt !== undefined) thread.samples.add('generator_lateness', begunAt - turn.dueAt, tags, turn.dueAt);
  count.started += 1;
  count.active += 1;
  const iteration = {
    ...turn,
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
    if (!(error instanceof ClientLeft)) reportFailure(runner, error);
  }
  count.active -= 1;
  if (runner.interrupt.signal.aborted) {
    count.interrupted += 1;
    return;
  }
  count.completed += 1;
  thread.samples.add('iterations', 1, tags, begunAt);
  thread.samples.add('iteration_duration', now() - (turn.dueAt ?? begunAt), tags, begunAt);
}

function reportFailure({ spec, count }: ScenarioRunner, error: unknown): void {
  count.failed += 1;
  if (count.failed > shownFailures) return;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`scenario ${spec.name}: an iteration threw ${text}\n`);
}
