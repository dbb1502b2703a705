import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ClientBehavior } from './client-behavior.ts';
import { exitCodes, RunFailure } from './exit-codes.ts';
import { type RunOptions, readOptions } from './options.ts';
import { createRecorder } from './recorder.ts';
import { createRegistry } from './registry.ts';
import type { Series } from './samples.ts';
import { buildSummary, type CheckCounts } from './summary.ts';
import { startThread, type ThreadHandle } from './thread-handle.ts';

export interface RunSettings {
  scriptPath: string;
  env: Readonly<Record<string, string>>;
  threads: number;
  behavior: ClientBehavior;
  /** Aborted when somebody wants the run to end early. */
  signal: AbortSignal;
  say(line: string): void;
}

/** Per thread, on the machine this was measured on (test/k6/arrival.test.ts): beyond it the rate may be off by more than 1 %. */
export const arrivalLimitPerSecond = 1000;
const evaluateEveryMs = 500;
const progressEveryMs = 5_000;

export type EngineResult = Awaited<ReturnType<typeof runScript>>;

/** Runs a scenario file from setup to handleSummary. Rejects with a RunFailure that has k6's exit code. */
export async function runScript(settings: RunSettings) {
  const { threads } = settings;
  const checks: CheckCounts = {};
  let onProgress: (thread: number, progress: Parameters<Parameters<typeof startThread>[1]>[0]) => void = () =>
    undefined;
  const handles: ThreadHandle[] = [];
  try {
    for (let index = 0; index < threads; index += 1) {
      const scriptUrl = pathToFileURL(settings.scriptPath).href;
      handles.push(
        await startThread({ scriptUrl, env: settings.env, behavior: settings.behavior, index, threads }, (report) =>
          onProgress(index, report),
        ),
      );
    }
    const first = handles[0];
    if (first === undefined) throw new Error('Expected at least one thread');
    const options = readOptions(first.options as Record<string, unknown>);
    const registry = createRegistry(options.thresholds, first.metrics);
    const setupData = await callHook(first, 'setup', { kind: 'setup' }, options.setupTimeoutMs, exitCodes.setupTimeout);

    const startAt = performance.timeOrigin + performance.now() + 100;
    const recorder = createRecorder(startAt);
    let memoryPeakBytes = 0;
    onProgress = (thread, progress) => {
      recorder.add(thread, progress);
      for (const series of progress.series) {
        registry.add(series);
        if (series.metric === 'checks') countChecks(checks, series);
      }
      memoryPeakBytes = Math.max(memoryPeakBytes, process.memoryUsage.rss());
    };
    for (const handle of handles) handle.send({ kind: 'start', startAt, setupData });
    const brake = watch({ settings, registry, handles, startAt });
    const progressTimer = setInterval(
      () => settings.say(describeProgress(options, recorder, startAt)),
      progressEveryMs,
    );
    try {
      await Promise.all(handles.map((handle) => handle.finished));
    } finally {
      brake.end();
      clearInterval(progressTimer);
    }
    const durationMs = performance.timeOrigin + performance.now() - startAt;
    onProgress = () => undefined;
    await callHook(
      first,
      'teardown',
      { kind: 'teardown', setupData },
      options.teardownTimeoutMs,
      exitCodes.teardownTimeout,
    );
    const summary = buildSummary(registry, options.trendStats, durationMs, checks);
    await writeSummary(first, summary);
    return describeRun({ threads, startAt, durationMs, options, registry, recorder, brake, memoryPeakBytes, summary });
  } finally {
    await Promise.all(handles.map((handle) => handle.end()));
  }
}

interface FinishedRun {
  threads: number;
  startAt: number;
  durationMs: number;
  options: RunOptions;
  registry: ReturnType<typeof createRegistry>;
  recorder: ReturnType<typeof createRecorder>;
  brake: ReturnType<typeof watch>;
  memoryPeakBytes: number;
  summary: ReturnType<typeof buildSummary>;
}

function describeRun({ threads, startAt, durationMs, registry, recorder, brake, ...run }: FinishedRun) {
  const verdicts = registry.evaluate(durationMs / 1000);
  return {
    engine: 'node' as const,
    threads,
    arrivalLimitPerSecond: arrivalLimitPerSecond * threads,
    startedAt: new Date(startAt).toISOString(),
    durationMs: Math.round(durationMs),
    /** When no further iteration was to begin, where that was before the scenarios' end. */
    endedEarlyMs: brake.endedAtMs(),
    exitCode: brake.exitCode() ?? (verdicts.every(({ ok }) => ok) ? 0 : exitCodes.thresholdsFailed),
    scenarios: run.options.scenarios.map((spec) => describeScenario(spec, recorder.sumCounts(spec.name))),
    thresholds: verdicts.map(({ threshold, value, ok }) => ({
      metric: threshold.metric,
      expression: threshold.expression,
      value: Number.isNaN(value) ? undefined : value,
      ok,
    })),
    lateness: {
      p99Ms: registry.sinks.get('generator_lateness')?.read('p(99)', 1) ?? 0,
      maxMs: registry.sinks.get('generator_lateness')?.read('max', 1) ?? 0,
    },
    cpu: recorder.cpu,
    memoryPeakMiB: Math.round(run.memoryPeakBytes / 1024 / 1024),
    requests: recorder.requests,
    summary: run.summary,
  };
}

/** Ends the run early on a threshold that aborts it, or when asked to. */
function watch({
  settings,
  registry,
  handles,
  startAt,
}: {
  settings: RunSettings;
  registry: ReturnType<typeof createRegistry>;
  handles: readonly ThreadHandle[];
  startAt: number;
}) {
  let exitCode: number | undefined;
  let endedAtMs: number | undefined;
  const stop = (code: number, why: string) => {
    if (exitCode !== undefined) return;
    exitCode = code;
    endedAtMs = performance.timeOrigin + performance.now() - startAt;
    settings.say(why);
    for (const handle of handles) handle.send({ kind: 'stop' });
  };
  const onAbort = () => stop(exitCodes.externalAbort, 'stopped from outside');
  settings.signal.addEventListener('abort', onAbort);
  if (settings.signal.aborted) onAbort();
  const timer = setInterval(() => {
    const elapsedMs = performance.timeOrigin + performance.now() - startAt;
    for (const { threshold, ok } of registry.evaluate(elapsedMs / 1000)) {
      if (ok || !threshold.abortsOnFail || elapsedMs < threshold.delayMs) continue;
      stop(exitCodes.thresholdsFailed, `${threshold.metric} broke ${threshold.expression}: the run ends here`);
    }
  }, evaluateEveryMs);
  return {
    exitCode: () => exitCode,
    endedAtMs: () => endedAtMs,
    end() {
      clearInterval(timer);
      settings.signal.removeEventListener('abort', onAbort);
    },
  };
}

/** `12 of 60 s, step_100: 1200 begun, 3 under way, 0 dropped`: of the scenario that began last. */
function describeProgress(
  { scenarios }: RunOptions,
  recorder: ReturnType<typeof createRecorder>,
  startAt: number,
): string {
  const elapsedMs = performance.timeOrigin + performance.now() - startAt;
  const endMs = Math.max(...scenarios.map(({ startTimeMs, durationMs }) => startTimeMs + durationMs));
  const latest = scenarios
    .filter(({ startTimeMs }) => startTimeMs <= elapsedMs)
    .reduce((a, b) => (b.startTimeMs >= a.startTimeMs ? b : a));
  const { started, active, dropped } = recorder.sumCounts(latest.name);
  const times = `${Math.round(elapsedMs / 1000)} of ${Math.round(endMs / 1000)} s`;
  return `${times}, ${latest.name}: ${started} begun, ${active} under way, ${dropped} dropped`;
}

async function callHook(
  handle: ThreadHandle,
  name: 'setup' | 'teardown',
  command: Parameters<ThreadHandle['call']>[0],
  timeoutMs: number,
  exitCode: number,
): Promise<unknown> {
  if (!handle.exports.includes(name)) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new RunFailure(`${name}() took longer than ${timeoutMs} ms`, exitCode)), timeoutMs);
  });
  return Promise.race([handle.call(command), late]).finally(() => clearTimeout(timer));
}

/** Each key is a file, or stdout or stderr, as in k6. */
async function writeSummary(handle: ThreadHandle, data: unknown): Promise<void> {
  if (!handle.exports.includes('handleSummary')) return;
  const outputs = (await handle.call({ kind: 'summarize', data })) as Record<string, string> | undefined;
  for (const [place, text] of Object.entries(outputs ?? {})) {
    if (place === 'stdout') process.stdout.write(text);
    else if (place === 'stderr') process.stderr.write(text);
    else writeFileSync(place, text);
  }
}

function countChecks(checks: CheckCounts, { tags, values }: Series): void {
  const name = tags['check'] ?? '';
  const count = checks[name] ?? { passes: 0, fails: 0 };
  checks[name] = count;
  for (const value of values) count[value === 0 ? 'fails' : 'passes'] += 1;
}

function describeScenario(
  spec: RunOptions['scenarios'][number],
  count: ReturnType<ReturnType<typeof createRecorder>['sumCounts']>,
) {
  const { name, executor, startTimeMs, durationMs, maxVus, tags } = spec;
  return {
    name,
    executor,
    startMs: startTimeMs,
    durationMs,
    maxVus,
    tags,
    ...count,
  };
}
