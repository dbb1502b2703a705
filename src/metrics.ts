import { createServer, type Server, type ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { dependencies, describeMissing, type FindMissing } from './dependencies.ts';
import { createRequestSeconds } from './request-seconds.ts';

export type WebMetrics = ReturnType<typeof createWebMetrics>;

/** Returns a registry with the build's version and the metrics of the process. */
export function createRegistry(release: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const info = new Gauge({
    name: 'competition_build_info',
    help: 'Always 1; the labels name the running version',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  info.set({ version: release, node: process.version }, 1);
  return registry;
}

/** Returns the metrics of a web process, in base units. Labels never hold ids or addresses; routes are templates. */
export function createWebMetrics(registry: Registry) {
  const registers = [registry];
  return {
    requestSeconds: createRequestSeconds(registry),
    uploadBytes: new Counter({
      name: 'competition_upload_bytes_total',
      help: 'Bytes of upload bodies read',
      registers,
    }),
    uploadsInFlight: new Gauge({ name: 'competition_uploads_in_flight', help: 'Uploads in flight', registers }),
    votes: new Counter({
      name: 'competition_votes_total',
      help: 'Votes answered, by result',
      labelNames: ['result'],
      registers,
    }),
    rateLimited: new Counter({
      name: 'competition_rate_limited_total',
      help: 'Requests rejected because a rate limit was exceeded',
      labelNames: ['limit'],
      registers,
    }),
    rateLimiterFailOpen: new Counter({
      name: 'competition_rate_limiter_fail_open_total',
      help: 'Requests allowed without rate limiting because Redis did not answer',
      registers,
    }),
    voteBatchSize: new Histogram({
      name: 'competition_vote_batch_size',
      help: 'Votes inserted by one statement',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
      registers,
    }),
    s3Seconds: createS3Metric(registry),
    /** Adds a gauge that is read when the metrics are collected. */
    watch(
      name: 'competition_uploads_waiting_for_buffer' | 'competition_part_buffers_in_use',
      help: string,
      read: () => number,
    ): void {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
  };
}

export function createS3Metric(registry: Registry) {
  return new Histogram({
    name: 'competition_s3_request_duration_seconds',
    help: 'Duration of calls to S3, retries included',
    labelNames: ['operation'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    registers: [registry],
  });
}

/** Adds a gauge per dependency. The dependencies are checked when the metrics are collected. */
export function createDependencyMetric(registry: Registry, findMissing: FindMissing): void {
  new Gauge({
    name: 'competition_dependency_up',
    help: '1 while the process can use the dependency, 0 while it cannot',
    labelNames: ['dependency'],
    registers: [registry],
    async collect() {
      const missing = await findMissing();
      for (const dependency of dependencies) this.set({ dependency }, missing.includes(dependency) ? 0 : 1);
    },
  });
}

/**
 * Serves the metrics on the loopback address, so that only this machine can read them. `/readyz` answers 503 while a dependency
 * is unreachable, for a process that serves no clients. Rejects when the port is taken.
 */
export function serveMetrics(registry: Registry, port: number, findMissing?: FindMissing): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    } else if (request.url === '/readyz' && findMissing !== undefined) {
      findMissing().then(
        (missing) => respondReadiness(response, describeMissing(missing)),
        () => response.writeHead(500).end(),
      );
    } else response.writeHead(404).end();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function respondReadiness(response: ServerResponse, missing: string | undefined): void {
  const body = missing === undefined ? { status: 'ready' } : { detail: `Not ready: ${missing}` };
  response
    .writeHead(missing === undefined ? 200 : 503, { 'Content-Type': 'application/json' })
    .end(JSON.stringify(body));
}
