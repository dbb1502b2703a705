import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createS3Metric } from '../src/metrics.ts';
import type { Backlog } from '../src/queue/producer.ts';

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

const seconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1800];

/** Returns the metrics of a worker, in base units. Labels never hold ids. */
export function createWorkerMetrics(registry: Registry, readBacklog: () => Promise<Backlog>) {
  const registers = [registry];
  addBacklog(registers, readBacklog);
  return {
    s3Seconds: createS3Metric(registry),
    waitSeconds: new Histogram({
      name: 'competition_job_wait_seconds',
      help: 'Time from the end of the upload to the first attempt',
      buckets: seconds,
      registers,
    }),
    runSeconds: new Histogram({
      name: 'competition_job_run_seconds',
      help: 'Duration of each stage of a job',
      labelNames: ['stage'],
      buckets: seconds,
      registers,
    }),
    jobs: new Counter({
      name: 'competition_jobs_total',
      help: 'Attempts that ended on this worker, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    timeToPlayableSeconds: new Histogram({
      name: 'competition_time_to_playable_seconds',
      help: 'Time from the end of the upload to the stored rendition',
      buckets: seconds,
      registers,
    }),
    sweepFindings: new Counter({
      name: 'competition_sweep_findings_total',
      help: 'Inconsistencies that sweeps found and repaired',
      labelNames: ['kind'],
      registers,
    }),
  };
}

/** Adds the gauges of the backlog, read from Redis when the metrics are collected. NaN while Redis is unreachable. */
function addBacklog(registers: Registry[], readBacklog: () => Promise<Backlog>): void {
  const unknown: Backlog = { waiting: Number.NaN, workers: Number.NaN };
  const read = () => readBacklog().catch(() => unknown);
  new Gauge({
    name: 'competition_queue_depth',
    help: 'Jobs waiting for a worker',
    registers,
    async collect() {
      this.set((await read()).waiting);
    },
  });
  new Gauge({
    name: 'competition_backlog_per_worker',
    help: 'Waiting jobs divided by connected workers, for scaling',
    registers,
    async collect() {
      const { waiting, workers } = await read();
      this.set(waiting / Math.max(1, workers));
    },
  });
}
