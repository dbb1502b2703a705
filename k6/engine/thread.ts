import { readFileSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { OpenedFile } from './bodies.ts';
import { exitCodes, RunFailure } from './exit-codes.ts';
import type { Order, Report, ThreadSettings } from './messages.ts';
import { type RunOptions, readOptions } from './options.ts';
import { iterations, now, requireLoading, thread } from './runtime.ts';
import { readThreadCpu, runScenarios } from './scenarios.ts';

const progressMs = 250;
const settings = workerData as ThreadSettings;
const port = parentPort;
if (port === null) throw new Error('Expected to run in a worker thread');

let script: Readonly<Record<string, unknown>> = {};
let options: RunOptions | undefined;
let load: ReturnType<typeof runScenarios> | undefined;

port.on('message', (order: Order) => {
  follow(order).catch((error: unknown) => tellFailure(error, exitCodes.scriptException));
});
await loadScript().catch((error: unknown) => tellFailure(error, exitCodes.scriptException));

/** A scenario file sees what k6 gives it, and is told of everything else by name. */
async function loadScript(): Promise<void> {
  register('./hooks.js', import.meta.url);
  thread.env = settings.env;
  thread.behavior = settings.behavior;
  Object.assign(globalThis, { open: openFile });
  Object.defineProperties(globalThis, {
    __ENV: { get: () => ({ ...thread.env, ...iterations.getStore()?.env }) },
    __VU: { get: () => iterations.getStore()?.vu ?? 0 },
    __ITER: { get: () => iterations.getStore()?.ofVu ?? 0 },
  });
  script = (await import(settings.scriptUrl)) as Record<string, unknown>;
  thread.isLoading = false;
  const raw = JSON.parse(JSON.stringify(script['options'] ?? {})) as Record<string, unknown>;
  thread.options = raw;
  options = readOptions(raw);
  thread.discardsBodies = options.discardsBodies;
  const exports = Object.keys(script).filter((name) => typeof script[name] === 'function');
  tell({ kind: 'loaded', options: raw, metrics: thread.metrics, exports });
}

async function follow(order: Order): Promise<void> {
  if (order.kind === 'setup') return tellResult(await callOnce('setup', undefined));
  if (order.kind === 'teardown') return tellResult(await callOnce('teardown', order.setupData));
  if (order.kind === 'summarize') return tellResult(await callOnce('handleSummary', order.data));
  if (order.kind === 'start') return runLoad(order.startAt, order.setupData);
  if (order.kind === 'stop') load?.stop();
  if (order.kind === 'end') process.exit(0);
}

async function runLoad(startAt: number, setupData: unknown): Promise<void> {
  if (options === undefined) throw new Error('Expected the script to be loaded before it is started');
  load = runScenarios({
    settings,
    options,
    script,
    setupData,
    startAt,
    onFatal: (error) => tellFailure(error, error.exitCode),
  });
  const timer = setInterval(tellProgress, progressMs);
  await load.done;
  clearInterval(timer);
  tellProgress();
  tell({ kind: 'finished' });
}

function tellProgress(): void {
  const report: Report = {
    kind: 'progress',
    at: now(),
    series: thread.samples.take(),
    counts: load?.counts() ?? {},
    cpu: readThreadCpu(),
  };
  port?.postMessage(report, report.series.flatMap(({ values, at }) => [values.buffer, at.buffer]) as ArrayBuffer[]);
}

/** Setup, teardown and handleSummary run as nobody's iteration. */
async function callOnce(name: string, argument: unknown): Promise<unknown> {
  const call = script[name] as (argument: unknown) => unknown;
  const nobody = { vu: 0, scenario: '', executor: '', inTest: 0, ofVu: 0, dueAt: undefined, env: {} };
  const signal = new AbortController().signal;
  return iterations.run({ ...nobody, tags: { group: `::${name}` }, signal }, async () => call(argument));
}

function openFile(path: string, mode?: string): string | OpenedFile {
  requireLoading(`open(${path})`);
  const place = fileURLToPath(new URL(path, settings.scriptUrl));
  return mode === 'b' ? new OpenedFile(place, statSync(place).size) : readFileSync(place, 'utf8');
}

function tellResult(result: unknown): void {
  tell({ kind: 'done', result: result === undefined ? undefined : JSON.parse(JSON.stringify(result)) });
}

function tellFailure(error: unknown, exitCode: number): void {
  const message =
    error instanceof RunFailure
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  tell({ kind: 'failed', message, exitCode: error instanceof RunFailure ? error.exitCode : exitCode });
}

function tell(report: Report): void {
  port?.postMessage(report);
}
