import { readFileSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { OpenedFile } from './bodies.ts';
import { exitCodes, RunFailure } from './exit-codes.ts';
import type { ThreadCommand, ThreadEvent, ThreadSettings } from './messages.ts';
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

port.on('message', (command: ThreadCommand) => {
  follow(command).catch((error: unknown) => sendFailure(error, exitCodes.scriptException));
});
await loadScript().catch((error: unknown) => sendFailure(error, exitCodes.scriptException));

/** Provides k6's globals and loads the scenario file. */
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
  send({ kind: 'loaded', options: raw, metrics: thread.metrics, exports });
}

async function follow(command: ThreadCommand): Promise<void> {
  if (command.kind === 'setup') return sendResult(await callOnce('setup', undefined));
  if (command.kind === 'teardown') return sendResult(await callOnce('teardown', command.setupData));
  if (command.kind === 'summarize') return sendResult(await callOnce('handleSummary', command.data));
  if (command.kind === 'start') return runLoad(command.startAt, command.setupData);
  if (command.kind === 'stop') load?.stop();
  if (command.kind === 'end') process.exit(0);
}

async function runLoad(startAt: number, setupData: unknown): Promise<void> {
  if (options === undefined) throw new Error('Expected the script to be loaded before it is started');
  load = runScenarios({
    settings,
    options,
    script,
    setupData,
    startAt,
    onFatal: (error) => sendFailure(error, error.exitCode),
  });
  const timer = setInterval(sendProgress, progressMs);
  await load.done;
  clearInterval(timer);
  sendProgress();
  send({ kind: 'finished' });
}

function sendProgress(): void {
  const report: ThreadEvent = {
    kind: 'progress',
    at: now(),
    series: thread.samples.take(),
    counts: load?.counts() ?? {},
    cpu: readThreadCpu(),
  };
  port?.postMessage(report, report.series.flatMap(({ values, at }) => [values.buffer, at.buffer]) as ArrayBuffer[]);
}

/** Runs setup, teardown or handleSummary, which have no virtual user and no scenario. */
async function callOnce(name: string, argument: unknown): Promise<unknown> {
  const call = script[name] as (argument: unknown) => unknown;
  const noUser = { vu: 0, scenario: '', executor: '', inTest: 0, ofVu: 0, dueAt: undefined, env: {} };
  const signal = new AbortController().signal;
  return iterations.run({ ...noUser, tags: { group: `::${name}` }, signal }, async () => call(argument));
}

function openFile(path: string, mode?: string): string | OpenedFile {
  requireLoading(`open(${path})`);
  const file = fileURLToPath(new URL(path, settings.scriptUrl));
  return mode === 'b' ? new OpenedFile(file, statSync(file).size) : readFileSync(file, 'utf8');
}

function sendResult(result: unknown): void {
  send({ kind: 'done', result: result === undefined ? undefined : JSON.parse(JSON.stringify(result)) });
}

function sendFailure(error: unknown, exitCode: number): void {
  const isExpected = error instanceof RunFailure;
  const stack = error instanceof Error ? error.stack : undefined;
  const message = isExpected ? error.message : (stack ?? String(error));
  send({ kind: 'failed', message, exitCode: isExpected ? error.exitCode : exitCode });
}

function send(report: ThreadEvent): void {
  port?.postMessage(report);
}
