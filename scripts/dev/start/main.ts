import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isFree } from '../../lib/ports.ts';
import { removeRunFile, writeRunFile } from '../../lib/run-file.ts';
import { sayOnTerminal as say } from '../../lib/steps.ts';
import { UserError } from '../../lib/user-error.ts';
import { emptyDataFolder, openDataFolder } from './data-folder.ts';
import { isDatabaseEmpty, runDemo } from './demo.ts';
import { describeFailure } from './failure.ts';
import { readOptions, type StartOptions, usage } from './options.ts';
import { openProcessGroup } from './process-group.ts';
import { endLeftProcesses, removeProcessList, writeProcessList } from './process-list.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import { type BackingServices, openBackingServices } from './servers.ts';
import { readVersion, runMigrations, type Service, settingsFor, startProcesses } from './service.ts';

const logBytesMax = 16 * 1024 ** 2;
/** npm forwards the Ctrl+C that the terminal has sent already: within this time it is the same signal. */
const sameSignalMs = 1_000;

// The terminal may be closed before this process ends.
process.stdout.on('error', () => undefined);

await main();

async function main(): Promise<void> {
  let dataDir = process.env['DATA_DIR'] || '.data';
  try {
    const options = readOptions(process.argv.slice(2), process.env);
    if (options === 'help') return say(usage);
    dataDir = options.dataDir;
    await run(options);
  } catch (error) {
    process.stderr.write(`${describeFailure(error, dataDir)}\n`);
    process.exit(1);
  }
}

/** Starts everything, each layer after the one below. A signal or a failure stops what has been started. */
async function run(options: StartOptions): Promise<void> {
  const startedAt = performance.now();
  const folder = openDataFolder(options.dataDir);
  let publish = () => {};
  const group = openProcessGroup(say, () => {
    writeProcessList(options.dataDir, group.identities());
    publish();
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    publish = () => {};
    removeRunFile(options.dataDir);
    stopped ??= group.stop().then(() => {
      removeProcessList(options.dataDir);
      folder.release();
    });
    return stopped;
  };
  stopOnSignal(stop, group.kill);
  try {
    // Processes of a start that was killed may still use the port.
    await endLeftProcesses(options.dataDir, say);
    await expectFreePort(options.port);
    if (options.isFresh) emptyDataFolder(options.dataDir);
    makeLogFolder(options.dataDir);
    const secrets = readSecrets(options.dataDir);
    const backing = await openBackingServices({ options, secrets, group, say });
    const env = settingsFor(options, secrets, backing);
    await runMigrations(env, say);
    const service = await startProcesses({ options, env, group, say });
    publish = () => writeRunFile(options.dataDir, describeRun(options, secrets, backing, service, group.pids));
    publish();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    say(`Service ready after ${seconds} s: ${service.baseUrl} (API documentation: ${service.baseUrl}/docs)`);
    if (Number.parseInt(process.versions.node, 10) < 22)
      say(
        `Node.js ${process.versions.node} has reached its end of life: use it for development only. Servers run Node.js 24.`,
      );
    if (options.hasDemo && (await isDatabaseEmpty(backing.databaseUrl))) {
      const { ffmpegPath } = backing.ffmpeg;
      await runDemo({ baseUrl: service.baseUrl, videoPath: options.videoPath, ffmpegPath, say });
    } else if (options.videoPath !== undefined) {
      say('--video ignored: the demo workflow runs on an empty database only (see --fresh)');
    }
    say(`Logs: ${join(options.dataDir, 'logs')}. Press Ctrl+C to stop.`);
  } catch (error) {
    // While a signal stops everything, failures are expected; the signal handler ends this process.
    if (stopped !== undefined) return;
    await stop();
    throw error;
  }
}

async function expectFreePort(port: number): Promise<void> {
  if (await isFree(port)) return;
  throw new UserError(
    `Port ${port} is in use by another program: stop it, or choose another port, for example \`PORT=${port + 1} npm start\`.`,
  );
}

/** The first signal stops everything in order, the second one immediately. */
function stopOnSignal(stop: () => Promise<void>, kill: () => void): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      say('Stopping after running requests and jobs have finished. Press Ctrl+C again to stop immediately.');
      stop().then(
        () => {
          say('Stopped.');
          process.exit(0);
        },
        (error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          kill();
          process.exit(1);
        },
      );
    } else if (performance.now() - firstAt > sameSignalMs) {
      kill();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}

/** Renames a large log, replacing the one that was renamed before. */
function makeLogFolder(dataDir: string): void {
  const folder = join(dataDir, 'logs');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.log'))) {
    const path = join(folder, name);
    if (statSync(path).size > logBytesMax) renameSync(path, `${path}.old`);
  }
}

function describeRun(
  options: StartOptions,
  secrets: Secrets,
  { databaseUrl, redisUrl, s3 }: BackingServices,
  { baseUrl, metricsUrls }: Service,
  pids: ReturnType<typeof openProcessGroup>['pids'],
) {
  const only = (role: 'postgres' | 'redis' | 's3') => pids(role)[0] ?? null;
  return {
    baseUrl,
    metricsUrls,
    pids: {
      web: pids('web'),
      worker: pids('worker'),
      postgres: only('postgres'),
      redis: only('redis'),
      s3: only('s3'),
    },
    databaseUrl,
    redisUrl,
    s3: {
      endpoint: s3.endpoint,
      bucket: options.bucket,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: s3.secretAccessKey,
      accountId: s3.accountId ?? null,
    },
    secretKey: process.env['SECRET_KEY'] || secrets.secretKey,
    version: readVersion(),
  };
}
