import { availableParallelism } from 'node:os';
import { openVoteBatches } from './actions/cast-vote.ts';
import { openVoteCountFlusher } from './actions/flush-vote-counts.ts';
import { systemClock } from './clock.ts';
import { type Config, loadConfig } from './config.ts';
import { ignoreTypeQueryRejections } from './database/ignore-type-query-rejections.ts';
import { openDatabase } from './database/open.ts';
import { ConfigError } from './errors.ts';
import type { AppContext } from './http/app-context.ts';
import { openClientReader } from './http/client-address.ts';
import { drainServer } from './http/drain.ts';
import { createServer } from './http/server.ts';
import { openUploadsPerUser } from './http/uploads-per-user.ts';
import {
  databaseConnectionsPerProcess,
  lastFlushWaitMs,
  partPagesPerInstance,
  partPagesPerProcessMin,
  passwordHashQueueMax,
  rateLimiterWarningMs,
  secretKeyMinBytes,
  shutdownDeadlineMs,
  voteBatchesInFlightMax,
} from './limits.ts';
import { type Logger, openWebLog } from './log.ts';
import { createDependencyMetric, createRegistry, createWebMetrics, serveMetrics, type WebMetrics } from './metrics.ts';
import { openPartBuffers } from './objects/part-buffers.ts';
import { openObjectStore } from './objects/store.ts';
import { openPasswords } from './passwords.ts';
import { openChangeCounter } from './queries/change-counter.ts';
import { openKnownUsers } from './queries/known-users.ts';
import { openMediaLinks } from './queries/media-links.ts';
import { openPublicVideos } from './queries/public-videos.ts';
import { openRankings } from './queries/rankings.ts';
import { openReadiness } from './queries/readiness.ts';
import { type VideoProducer, videoQueue } from './queue/video-queue.ts';
import { openLogInGuard } from './rate-limits/log-in-guard.ts';
import { openRateLimiter } from './rate-limits/rate-limiter.ts';
import { openRedisGate, type RedisGate } from './rate-limits/redis-gate.ts';
import { readSettings } from './settings.ts';
import { onStop } from './shutdown.ts';
import { openTokens } from './tokens.ts';
import { settleWithin } from './with-timeout.ts';

/** Starts one web process: opens every connection once and passes it down. */
async function main(): Promise<void> {
  const config = loadConfig(await readSettings(process.env));
  const registry = createRegistry(config.release);
  const databases = openDatabases(config);
  const service = openService(config, databases, registry);
  ignoreTypeQueryRejections(service.log);
  const server = createServer(service);
  const metricsServer = await serveMetrics(registry, config.metricsPort);
  server.listen(config.port, config.host);
  service.log.info(
    { host: config.host, port: config.port, metricsPort: config.metricsPort, release: config.release },
    'listening',
  );

  onStop(service.log, shutdownDeadlineMs, async () => {
    await drainServer(server, service);
    metricsServer.close();
    // Flush pending deltas before exit, because an older release does not read the delta table.
    await settleWithin(service.voteCountFlusher.flush(), lastFlushWaitMs);
    await service.producer.close();
    await Promise.all([databases.sql.end({ timeout: 1 }), databases.votesSql.end({ timeout: 1 })]);
    service.objects.close();
  });
}

type Databases = ReturnType<typeof openDatabases>;

function openDatabases({ databaseUrl, databaseNextPassword: nextPassword }: Config) {
  return {
    sql: openDatabase(databaseUrl, {
      connections: databaseConnectionsPerProcess,
      applicationName: 'competition-web',
      nextPassword,
    }),
    // Votes have connections of their own, so that other queries cannot delay them.
    votesSql: openDatabase(databaseUrl, {
      connections: voteBatchesInFlightMax,
      applicationName: 'competition-votes',
      nextPassword,
      keepsPlans: true,
    }),
  };
}

function openService(config: Config, databases: Databases, registry: ReturnType<typeof createRegistry>): AppContext {
  const metrics = createWebMetrics(registry);
  const { log, logRequest } = openWebLog(config.logLevel, { process: 'web' });
  const { sql } = databases;
  const objects = openObjectStore(config.s3, (operation, seconds) => metrics.s3Seconds.observe({ operation }, seconds));
  const buffers = openPartBuffers(
    Math.max(partPagesPerProcessMin, Math.floor(partPagesPerInstance / config.webProcesses)),
  );
  metrics.watch(
    'competition_uploads_waiting_for_buffer',
    'Uploads waiting for pages of a part buffer',
    buffers.waiting,
  );
  metrics.watch('competition_part_buffers_in_use', 'Pages of part buffers in use, 64 KiB each', buffers.inUse);
  const voteCountFlusher = openVoteCountFlusher(sql, (error) =>
    log.warn({ err: error }, 'vote counts not flushed, will be retried'),
  );
  const producer = videoQueue.openProducer(config.redisUrl, (error) =>
    log.warn({ err: error }, 'Redis connection error'),
  );
  const gate = config.rateLimits ? openGate(config, producer, metrics, log) : undefined;
  if (config.tokens.isWeak)
    log.warn(`ALLOW_WEAK_SECRET=on: a key of the tokens has fewer than ${secretKeyMinBytes} bytes and can be guessed`);
  if (!config.rateLimits) log.warn('RATE_LIMITS=off: no request is rate limited; use it for load tests only');
  const readiness = openReadiness(sql, objects, producer);
  createDependencyMetric(registry, readiness.findMissing);
  const changes = openChangeCounter(config.dataDir, (error) =>
    log.warn({ err: error }, 'change counter not shared with the other web processes'),
  );
  const links = openMediaLinks(objects, config.mediaHost);
  const concurrency = Math.max(1, Math.floor(availableParallelism() / config.webProcesses));
  return {
    config,
    log,
    logRequest,
    metrics,
    sql,
    objects,
    producer,
    buffers,
    heldBytes: { held: 0 },
    uploadsPerUser: openUploadsPerUser(),
    passwords: openPasswords({ concurrency, queueMax: passwordHashQueueMax }),
    tokens: openTokens(config.tokens),
    throttle: gate && openRateLimiter(gate),
    logInGuard: gate && openLogInGuard(gate),
    readClient: openClientReader(config, (peer) =>
      log.warn(
        { peer },
        'X-Forwarded-For ignored: it came from an address that is not trusted; see TRUSTED_HOPS and TRUSTED_PROXIES',
      ),
    ),
    knownUsers: openKnownUsers(sql),
    links,
    votes: openVoteBatches(databases.votesSql, {
      onBatch: (size) => metrics.voteBatchSize.observe(size),
      onEnd: voteCountFlusher.schedule,
    }),
    voteCountFlusher,
    rankings: openRankings(sql, voteCountFlusher.flush, systemClock, changes),
    publicVideos: openPublicVideos(sql, links, changes),
    changes,
    readiness,
    lifecycle: { isDraining: false, uploads: 0, cutOff: new AbortController() },
  };
}

function openGate(
  { webProcesses }: Config,
  { connection }: VideoProducer,
  { rateLimiterFallbacks }: WebMetrics,
  log: Logger,
): RedisGate {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  return openRedisGate(connection, {
    processes: webProcesses,
    onFallback(reason) {
      rateLimiterFallbacks.inc();
      const now = performance.now();
      if (now - warnedAtMs < rateLimiterWarningMs) return;
      warnedAtMs = now;
      log.warn(
        { event: 'rate_limiter_fallback', err: reason },
        'Redis does not answer: limits are counted per process',
      );
    },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError || error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
