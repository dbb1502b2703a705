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
  /** Aborted to end the run early. */
  signal: AbortSignal;
  say(line: string): void;
}

/** The highest rate per thread that was measured to be within 1 % (test/load/arrival.test.ts). */
export const arrivalLimitPerSecond = 1000;
const evaluateEveryMs = 500;
const progressEveryMs = 5_000;

export type EngineResult = Awaited<ReturnType<typeof runScript>>;

/** Runs a scenario file from setup to handleSummary. @throws RunFailure with k6's exit code. */
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
    const watcher = watch({ settings, registry, handles, startAt });
    const progressTimer = setInterval(
      () => settings.say(describeProgress(options, recorder, startAt)),
      progressEveryMs,
    );
    try {
      await Promise.all(handles.map((handle) => handle.finished));
    } finally {
      watcher.end();
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
    return describeRun({
      threads,
      startAt,
      durationMs,
      options,
      registry,
      recorder,
      watcher,
      memoryPeakBytes,
      summary,
    });
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
  watcher: ReturnType<typeof watch>;
  memoryPeakBytes: number;
  summary: ReturnType<typeof buildSummary>;
}

function describeRun({ threads, startAt, durationMs, registry, recorder, watcher, ...run }: FinishedRun) {
  const verdicts = registry.evaluate(durationMs / 1000);
  return {
    engine: 'node' as const,
    threads,
    arrivalLimitPerSecond: arrivalLimitPerSecond * threads,
    startedAt: new Date(startAt).toISOString(),
    durationMs: Math.round(durationMs),
    /** The time after which no iteration started, if the run ended early. */
    endedEarlyMs: watcher.endedAtMs(),
    exitCode: watcher.exitCode() ?? (verdicts.every(({ ok }) => ok) ? 0 : exitCodes.thresholdsFailed),
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

/** Ends the run early on a broken threshold with abortOnFail, or when the signal aborts. */
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
  const onAbort = () => stop(exitCodes.externalAbort, 'stopped by a signal');
  settings.signal.addEventListener('abort', onAbort);
  if (settings.signal.aborted) onAbort();
  const timer = setInterval(() => {
    const elapsedMs = performance.timeOrigin + performance.now() - startAt;
    for (const { threshold, ok } of registry.evaluate(elapsedMs / 1000)) {
      if (ok || !threshold.abortsOnFail || elapsedMs < threshold.delayMs) continue;
      stop(exitCodes.thresholdsFailed, `${threshold.metric} broke ${threshold.expression}: ending the run`);
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

/** Returns `12 of 60 s, step_100: 1200 started, 3 running, 0 dropped` for the scenario that started last. */
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
  return `${times}, ${latest.name}: ${started} started, ${active} running, ${dropped} dropped`;
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

/** Writes each output to stdout, stderr or the file that its key names, as in k6. */
async function writeSummary(handle: ThreadHandle, data: unknown): Promise<void> {
  if (!handle.exports.includes('handleSummary')) return;
  const outputs = (await handle.call({ kind: 'summarize', data })) as Record<string, string> | undefined;
  for (const [path, text] of Object.entries(outputs ?? {})) {
    if (path === 'stdout') process.stdout.write(text);
    else if (path === 'stderr') process.stderr.write(text);
    else writeFileSync(path, text);
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
  return { name, executor, startMs: startTimeMs, durationMs, maxVus, tags, ...count };
}
