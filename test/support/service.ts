import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, logTail, startChild } from '../../scripts/lib/child.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Environment, TestScope } from './environment.ts';
import { request } from './http.ts';

export interface ServiceOptions {
  webProcesses?: number;
  worker?: boolean;
  /** A port on which other processes may listen already. */
  port?: number;
  /** The folder of another release, which runs instead of this one. */
  folder?: string;
  /** Environment variables of these processes only. */
  env?: Record<string, string>;
}

/** A process of the service. If a test kills it, `stop` ignores its exit code. */
export interface ServiceProcess extends Child {
  name: string;
  logPath: string;
}

export interface RunningService {
  baseUrl: string;
  port: number;
  metricsUrls: { web: string[]; worker: string[] };
  web: ServiceProcess[];
  worker: ServiceProcess[];
  /** Returns the log lines of all processes so far, parsed. */
  readLog(): Record<string, unknown>[];
  /** Sends SIGTERM. Rejects when a running process does not exit with 0 in time. */
  stop(): Promise<void>;
}

const stopDeadlineMs = 45_000;

/** Starts the processes in dist/ on free ports. They are ready when this resolves, and stop when the test ends. */
export async function startService(
  t: TestScope,
  environment: Environment,
  options: ServiceOptions = {},
): Promise<RunningService> {
  const port = options.port ?? (await freePort());
  const processes: ServiceProcess[] = [];
  const stop = () => stopAll(processes);
  t.teardown(stop);
  const launch = async (name: string, entry: string, env: Record<string, string>) => {
    const built = join(options.folder ?? rootFolder, 'dist', entry);
    const process = await launchProcess(environment, name, built, { PORT: String(port), ...options.env, ...env });
    processes.push(process);
    return process;
  };

  const count = options.webProcesses ?? 1;
  const metricsUrls = { web: [] as string[], worker: [] as string[] };
  const web: ServiceProcess[] = [];
  for (let index = 0; index < count; index += 1) {
    const metricsPort = String(await freePort());
    metricsUrls.web.push(`http://127.0.0.1:${metricsPort}/metrics`);
    web.push(await launch(`web-${index}`, 'src/main.js', { METRICS_PORT: metricsPort, WEB_PROCESSES: String(count) }));
  }
  const worker: ServiceProcess[] = [];
  if (options.worker) {
    environment.hadWorker = true;
    const metricsPort = String(await freePort());
    metricsUrls.worker.push(`http://127.0.0.1:${metricsPort}/metrics`);
    worker.push(await launch('worker', 'worker/main.js', { WORKER_METRICS_PORT: metricsPort }));
  }
  const baseUrl = `http://127.0.0.1:${port}`;
  const urls = [...metricsUrls.web, ...(count > 0 ? [`${baseUrl}/readyz`] : []), ...metricsUrls.worker];
  await untilReady(processes, urls);
  return { baseUrl, port, metricsUrls, web, worker, readLog: () => processes.flatMap(readLines), stop };
}

async function launchProcess(
  environment: Environment,
  name: string,
  entry: string,
  env: Record<string, string>,
): Promise<ServiceProcess> {
  const folder = join(environment.folder, 'logs');
  mkdirSync(folder, { recursive: true });
  const logPath = join(folder, `${name}-${Date.now()}-${env['METRICS_PORT'] ?? env['WORKER_METRICS_PORT']}.log`);
  const { PATH, HOME, TMPDIR, RUN_MARK } = process.env;
  const child = await startChild({
    command: process.execPath,
    args: [entry],
    env: { PATH, HOME, TMPDIR, RUN_MARK, ...environment.values, ...env },
    logPath,
  });
  return { ...child, name, logPath };
}

async function untilReady(processes: readonly ServiceProcess[], urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    await waitFor(
      `an answer from ${url}`,
      async () => {
        const ended = processes.find((process) => process.hasExited());
        if (ended !== undefined) return true;
        return (await request(url)).status === 200;
      },
      { timeoutMs: 120_000 },
    );
    const ended = processes.find((process) => process.hasExited());
    if (ended !== undefined)
      throw new Error(`Expected ${ended.name} to start, got its end:\n${logTail(ended.logPath)}`);
  }
}

async function stopAll(processes: readonly ServiceProcess[]): Promise<void> {
  const faults = await Promise.all(
    processes
      .filter((process) => !process.hasExited())
      .map(async (process) => {
        const { code, signal } = await process.stop(stopDeadlineMs);
        if (code === 0) return undefined;
        return `${process.name} to end with 0, got ${signal ?? code}:\n${logTail(process.logPath)}`;
      }),
  );
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length > 0) throw new Error(`Expected ${found.join('\n')}`);
}

function readLines(process: ServiceProcess): Record<string, unknown>[] {
  return logTail(process.logPath, Number.POSITIVE_INFINITY)
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
