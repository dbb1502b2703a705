import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../lib/child.ts';
import { rootFolder } from '../../lib/paths.ts';
import { freePortFrom } from '../../lib/ports.ts';
import { answersOk, untilReady } from '../../lib/ready.ts';
import { runTool } from '../../lib/run-tool.ts';
import { settleAll } from '../../lib/settle-all.ts';
import { type Say, step } from '../../lib/steps.ts';
import { waitFor } from '../../lib/wait.ts';
import type { StartOptions } from './options.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Secrets } from './secrets.ts';
import type { BackingServices } from './servers.ts';

export interface Service {
  baseUrl: string;
  metricsUrls: { web: string[]; worker: string[] };
}

/** Returns the environment of the processes of the service. Other variables of this environment are passed on. */
export function settingsFor(options: StartOptions, secrets: Secrets, backing: BackingServices): NodeJS.ProcessEnv {
  const { databaseUrl, redisUrl, s3, ffmpeg } = backing;
  return {
    ...process.env,
    SETTINGS_SOURCE: 'env',
    PORT: String(options.port),
    WEB_PROCESSES: String(options.webProcesses),
    DATA_DIR: options.dataDir,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET_NAME: options.bucket,
    AWS_REGION: options.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_SESSION_TOKEN: undefined,
    AWS_ACCOUNT_ID: s3.accountId,
    SECRET_KEY: process.env['SECRET_KEY'] || secrets.secretKey,
    FFMPEG_PATH: ffmpeg.ffmpegPath,
    FFPROBE_PATH: ffmpeg.ffprobePath,
    RELEASE: process.env['RELEASE'] || readVersion(),
  };
}

export function readVersion(): string {
  return (JSON.parse(readFileSync(join(rootFolder, 'package.json'), 'utf8')) as { version: string }).version;
}

export async function runMigrations(env: NodeJS.ProcessEnv, say: Say): Promise<void> {
  const command = [join(rootFolder, 'dist/scripts/ops/migrate.js')];
  await step(
    say,
    (lines: string[]) => `Migrations: ${lines.length > 1 ? `${lines.length - 1} applied. ` : ''}${lines.at(-1)}`,
    async () => (await runTool(process.execPath, command, { env })).output.trim().split('\n'),
  );
}

interface ServiceContext {
  options: StartOptions;
  env: NodeJS.ProcessEnv;
  group: ProcessGroup;
  say: Say;
}

/** Starts the web processes and the worker. Resolves when each serves its metrics and /readyz answers 200. */
export async function startProcesses(context: ServiceContext): Promise<Service> {
  const { options, group, say } = context;
  const baseUrl = `http://127.0.0.1:${options.port}`;
  const ports = { web: [] as number[], worker: 0 };
  for (let from = options.metricsPort; ports.web.length < options.webProcesses; from = (ports.web.at(-1) ?? 0) + 1) {
    ports.web.push(await freePortFrom(from));
  }
  ports.worker = await freePortFrom(Math.max(options.workerMetricsPort, (ports.web.at(-1) ?? 0) + 1));
  const starts = ports.web.map((port, i) =>
    group.start('web', () => launch(context, `web-${i + 1}`, 'src/main.js', 'METRICS_PORT', port), `web ${i + 1}`),
  );
  const launchWorker = () => launch(context, 'worker', 'worker/main.js', 'WORKER_METRICS_PORT', ports.worker);
  await settleAll([...starts, group.start('worker', launchWorker)]);
  await step(
    say,
    () => `Started ${options.webProcesses} web processes on port ${options.port} and one worker`,
    () => waitFor('/readyz to answer 200', () => answersOk(`${baseUrl}/readyz`), { timeoutMs: 30_000 }),
  );
  return { baseUrl, metricsUrls: { web: ports.web.map(metricsUrl), worker: [metricsUrl(ports.worker)] } };
}

async function launch({ options, env }: ServiceContext, name: string, entry: string, portName: string, port: number) {
  const logPath = join(options.dataDir, 'logs', `${name}.log`);
  const args = [join(rootFolder, 'dist', entry)];
  const child = await startChild({
    command: process.execPath,
    args,
    env: { ...env, [portName]: String(port) },
    logPath,
  });
  await untilReady(child, { name, logPath }, () => answersOk(metricsUrl(port)));
  return child;
}

function metricsUrl(port: number): string {
  return `http://127.0.0.1:${port}/metrics`;
}
