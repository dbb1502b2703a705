import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../../lib/child.ts';
import { rootFolder } from '../../lib/paths.ts';
import { freePortFrom } from '../../lib/ports.ts';
import { answersOk, untilReady } from '../../lib/ready.ts';
import { tryTool } from '../../lib/run-tool.ts';
import { type Say, step } from '../../lib/steps.ts';
import { UserError } from '../../lib/user-error.ts';
import { waitFor } from '../../lib/wait.ts';
import type { StartOptions } from './options.ts';
import type { ProcessGroup } from './process-group.ts';
import type { Secrets } from './secrets.ts';
import type { BackingServices } from './servers.ts';

export interface Service {
  baseUrl: string;
  metricsUrls: { web: string[]; worker: string[] };
}

/** The settings of every process of the service. What the user set beside ours goes through. */
export function settingsFor(options: StartOptions, secrets: Secrets, surroundings: BackingServices): NodeJS.ProcessEnv {
  const { databaseUrl, redisUrl, s3, ffmpeg } = surroundings;
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

/** The worker has nothing to do with tokens, and runs FFmpeg on what clients send. */
const withoutTokenKey = { SECRET_KEY: undefined, SECRET_KEY_PREVIOUS: undefined };

export function readVersion(): string {
  return (JSON.parse(readFileSync(join(rootFolder, 'package.json'), 'utf8')) as { version: string }).version;
}

export async function runMigrations(env: NodeJS.ProcessEnv, say: Say): Promise<void> {
  await step(
    say,
    (lines: string[]) => `Migrations: ${lines.length > 1 ? `${lines.length - 1} applied. ` : ''}${lines.at(-1)}`,
    async () => {
      const { code, output } = await tryTool(process.execPath, [join(rootFolder, 'dist/scripts/ops/migrate.js')], {
        env,
      });
      if (code !== 0) throw new UserError(`The migrations failed:\n${output.trim()}`);
      return output.trim().split('\n');
    },
  );
}

/** Resolves when every process answers and the service says that it is ready. */
export async function startProcesses({
  options,
  env,
  crew,
  say,
}: {
  options: StartOptions;
  env: NodeJS.ProcessEnv;
  crew: ProcessGroup;
  say: Say;
}): Promise<Service> {
  const baseUrl = `http://127.0.0.1:${options.port}`;
  const metricsUrls = { web: [] as string[], worker: [] as string[] };
  const launcher = (name: string, entry: string, metricsUrl: string, own: NodeJS.ProcessEnv) => async () => {
    const logPath = join(options.dataDir, 'logs', `${name}.log`);
    const args = [join(rootFolder, 'dist', entry)];
    const child = await startChild({ command: process.execPath, args, env: { ...env, ...own }, logPath });
    await untilReady(child, { name, logPath }, () => answersOk(metricsUrl));
    return child;
  };
  const starts: Promise<void>[] = [];
  let metricsPort = options.metricsPort - 1;
  for (let number = 1; number <= options.webProcesses; number += 1) {
    metricsPort = await freePortFrom(metricsPort + 1);
    const url = `http://127.0.0.1:${metricsPort}/metrics`;
    metricsUrls.web.push(url);
    const launch = launcher(`web-${number}`, 'src/main.js', url, { METRICS_PORT: String(metricsPort) });
    starts.push(crew.add('web', launch, `web ${number}`));
  }
  const workerPort = await freePortFrom(Math.max(options.workerMetricsPort, metricsPort + 1));
  const url = `http://127.0.0.1:${workerPort}/metrics`;
  metricsUrls.worker.push(url);
  starts.push(
    crew.add(
      'worker',
      launcher('worker', 'worker/main.js', url, { ...withoutTokenKey, WORKER_METRICS_PORT: String(workerPort) }),
    ),
  );
  // All have settled before a failure is told, so that none comes up behind the back of whoever stops the others.
  const failure = (await Promise.allSettled(starts)).find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;

  await step(
    say,
    () => `${options.webProcesses} web processes on port ${options.port} and one worker`,
    () => waitFor('/readyz to answer 200', () => answersOk(`${baseUrl}/readyz`), { timeoutMs: 30_000 }),
  );
  return { baseUrl, metricsUrls };
}
