import { mkdir } from 'node:fs/promises';
import { loadWorkerConfig, type WorkerConfig } from '../src/config.ts';
import { ignoreTypeQueryRejections } from '../src/database/ignore-type-query-rejections.ts';
import { checkDatabase, openDatabase } from '../src/database/open.ts';
import { openDependencyChecks } from '../src/dependencies.ts';
import { ConfigError } from '../src/errors.ts';
import { shutdownDeadlineMs } from '../src/limits.ts';
import { type Logger, openLog } from '../src/log.ts';
import { createDependencyMetric, createRegistry, serveMetrics } from '../src/metrics.ts';
import { openObjectStore } from '../src/objects/store.ts';
import { type VideoProducer, videoQueue } from '../src/queue/video-queue.ts';
import { readSettings } from '../src/settings.ts';
import { onStop } from '../src/shutdown.ts';
import { openCpuSemaphore } from './cpu-semaphore.ts';
import type { WorkerDeps } from './deps.ts';
import { watchHealth } from './health.ts';
import { workerDatabaseConnections, workerDrainMs, workerRequeueMs } from './limits.ts';
import { readMachine } from './machine.ts';
import { createWorkerMetrics } from './metrics.ts';
import { openPool } from './pool.ts';
import { processVideo } from './process-video.ts';
import { showcaseProfile } from './profile.ts';
import { videoQueuePolicy } from './retry-policy.ts';
import { openSandbox } from './sandbox.ts';
import { openScratch } from './scratch.ts';
import { startSweeping } from './sweep.ts';
import { workerCapacity } from './tool-limits.ts';
import { findTools, type Tools } from './tools.ts';
import { tryCapacity } from './try-capacity.ts';

/** Starts the worker: opens every connection once and passes it down. */
async function main(): Promise<void> {
  const config = loadWorkerConfig(await readSettings(process.env, { withTokenKey: false }));
  const log = openLog(config.logLevel, { process: 'worker' });
  const machine = readMachine({ cores: config.workerCores, memoryMiB: config.workerMemoryMiB });
  const tools = await findTools({ ...config, searchPath: process.env['PATH'] ?? '' });
  const sandbox = await openNamedSandbox(log, tools, config);
  const scratch = openScratch(config.dataDir);
  const staleFolders = await scratch.removeStale();
  const planned = workerCapacity(machine);
  // The trial runs while the connections are opened, and is awaited before the first job.
  const trial = tryCapacity({ log, tools, sandbox, scratch, profile: showcaseProfile }, planned);
  trial.catch(() => undefined);

  const onRedisError = openErrorLog(log);
  const producer = videoQueue.openProducer(config.redisUrl, onRedisError);
  const registry = createRegistry(config.release);
  const metrics = createWorkerMetrics(registry, producer.countBacklog, sandbox.mode);
  ignoreTypeQueryRejections(log);
  const sql = openDatabase(config.databaseUrl, {
    connections: workerDatabaseConnections,
    applicationName: 'competition-worker',
    nextPassword: config.databaseNextPassword,
  });
  await checkDatabase(sql);
  const objects = openObjectStore(config.s3, (operation, seconds) => metrics.s3Seconds.observe({ operation }, seconds));
  const pool = openPool(planned.cores);

  const capacity = await trial;
  const deps: WorkerDeps = {
    ...{ log, sql, objects, metrics, scratch, tools, sandbox, pool },
    cpuSemaphore: openCpuSemaphore(capacity.cores, config.jobThreads),
    capacity,
    profile: showcaseProfile,
    isOnlyActiveJob: () => consumer.active() === 1,
  };
  const consumer = videoQueue.openConsumer(
    config.redisUrl,
    videoQueuePolicy,
    {
      concurrency: config.jobsAtOnce,
      lockMs: config.jobLockSeconds * 1000,
      stalledCheckMs: config.jobCheckSeconds * 1000,
      onError: onRedisError,
      onFailedAttempt: ({ requestId, videoId }, err) =>
        log.warn({ requestId, videoId, err }, 'job failed, will be retried'),
    },
    (job, signal) => processVideo(deps, job, signal),
  );
  const findMissing = openWorkerChecks(deps, producer, consumer.isReady);
  createDependencyMetric(registry, findMissing);
  const metricsServer = await serveMetrics(registry, config.workerMetricsPort, findMissing);
  const health = watchHealth(log, findMissing);
  const { sweepGraceSeconds: graceSeconds, queueSweepSeconds } = config;
  const sweeping = startSweeping({ ...deps, producer, graceSeconds, queueSweepSeconds }, metrics);
  log.info(
    { metricsPort: config.workerMetricsPort, cores: capacity.cores, staleFolders, release: config.release },
    'worker started',
  );

  onStop(log, shutdownDeadlineMs, async () => {
    await Promise.all([sweeping.stop(), health.stop(), consumer.close(workerDrainMs, workerRequeueMs)]);
    metricsServer.close();
    await pool.close();
    await producer.close();
    await sql.end({ timeout: 1 });
    objects.close();
  });
}

function openWorkerChecks({ sql, objects }: WorkerDeps, producer: VideoProducer, isConsumerReady: () => boolean) {
  return openDependencyChecks({
    database: () => checkDatabase(sql),
    object_store: objects.checkBucket,
    redis: async () => {
      await producer.checkWritable();
      if (!isConsumerReady()) throw new Error('Expected the consumer to be connected to Redis, got no connection');
    },
  });
}

async function openNamedSandbox(log: Logger, tools: Tools, config: WorkerConfig) {
  await mkdir(config.dataDir, { recursive: true });
  const sandbox = await openSandbox(tools, config.dataDir, { allowsUnsandboxed: config.allowsUnsandboxed });
  const { mode, isolates, description, warning } = sandbox;
  log.info({ ...tools, sandbox: mode, isolated: isolates, description, otherModes: warning }, 'FFmpeg found');
  if (!isolates) {
    log.warn(
      { reason: warning },
      'ALLOW_UNSANDBOXED=on: FFmpeg runs with the rights of the worker; only resource limits and input guards protect against hostile files',
    );
  }
  return sandbox;
}

/** Returns a handler that logs each kind of error at most once in five seconds: while Redis is unreachable every reconnect fails. */
function openErrorLog(log: Logger): (error: Error) => void {
  const lastAt = new Map<string, number>();
  return (error) => {
    const kind = error.message.replace(/[0-9a-f-]{36}/, 'a job');
    const now = performance.now();
    if (now - (lastAt.get(kind) ?? Number.NEGATIVE_INFINITY) < 5_000) return;
    if (lastAt.size > 100) lastAt.clear();
    lastAt.set(kind, now);
    log.warn({ err: error }, 'Redis connection error');
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exit(1);
});
