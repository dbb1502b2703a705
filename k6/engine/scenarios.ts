import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { execute } from './executors.ts';
import { exitCodes, RunFailure } from './exit-codes.ts';
import type { ScenarioRunner } from './iterate.ts';
import type { ScenarioCount, ThreadCpu, ThreadSettings } from './messages.ts';
import type { RunOptions, ScenarioSpec } from './options.ts';

export interface Load {
  settings: ThreadSettings;
  options: RunOptions;
  script: Readonly<Record<string, unknown>>;
  setupData: unknown;
  startAt: number;
  onFatal(error: RunFailure): void;
}

/** Runs this thread's share of every scenario. `stop` cancels running iterations; `done` resolves when all have ended. */
export function runScenarios(load: Load) {
  const stop = new AbortController();
  // Every running request adds a listener.
  setMaxListeners(0, stop.signal);
  let users = 0;
  const claimVu = () => load.settings.index + 1 + load.settings.threads * users++;
  const runners = load.options.scenarios.map((spec) => openScenarioRunner(spec, load));
  const done = Promise.all(
    runners.map(async (runner) => {
      const startAt = load.startAt + runner.spec.startTimeMs;
      const running = await execute(runner, { startAt, settings: load.settings, stop: stop.signal, claimVu });
      const grace = setTimeout(() => runner.interrupt.abort(), stop.signal.aborted ? 0 : runner.spec.gracefulStopMs);
      stop.signal.addEventListener('abort', () => runner.interrupt.abort());
      await Promise.all(running);
      clearTimeout(grace);
    }),
  );
  return {
    done,
    stop: () => stop.abort(),
    counts(): Record<string, ScenarioCount> {
      return Object.fromEntries(runners.map(({ spec, count }) => [spec.name, { ...count }]));
    },
  };
}

function openScenarioRunner(spec: ScenarioSpec, load: Load): ScenarioRunner {
  const run = load.script[spec.exec];
  if (typeof run !== 'function') {
    throw new RunFailure(
      `Expected the script to export ${spec.exec} for scenario ${spec.name}, got ${typeof run}`,
      exitCodes.invalidConfig,
    );
  }
  const interrupt = new AbortController();
  setMaxListeners(0, interrupt.signal);
  const count = { started: 0, completed: 0, dropped: 0, interrupted: 0, failed: 0, active: 0, vusPeak: 0 };
  const { setupData: data, onFatal } = load;
  return { spec, count, run: run as ScenarioRunner['run'], data, interrupt, onFatal };
}

/** Reads this thread's CPU time from Linux, in nanoseconds; undefined on other systems. */
export function readThreadCpu(): ThreadCpu | undefined {
  try {
    const [used, waited] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ').map(Number);
    return { usedMs: (used ?? Number.NaN) / 1e6, waitedMs: (waited ?? Number.NaN) / 1e6 };
  } catch {
    return undefined;
  }
}
