import type { Table } from '../lib/page.ts';
import { rmsLimit } from '../lib/usl.ts';
import type { Recommendation } from './recommend.ts';
import type { FixedSize, RehearsalReport } from './rehearsal-schema.ts';
import { megabytes, money, percent, unknown } from './units.ts';

export function describeConfiguration(advice: Recommendation): Table {
  const { scaling, costPer1000Uploads: cost, database, worker, demand } = advice;
  const uploads = `${demand.peakUploadsPerMinute} uploads of ${demand.uploadMegabytes} MB a minute`;
  const backlog = (measured: NonNullable<typeof worker>) =>
    `${measured.backlogPerWorker} videos for ${measured.playableWithinMinutes} min (${measured.videosPerMinute.toFixed(2)}/min at ${measured.sizeMiB} MiB)`;
  const costs = [
    `web ${money(cost.web)}`,
    `worker ${cost.worker === null ? unknown : money(cost.worker)} (including CPU above its baseline)`,
    `S3 requests ${money(cost.s3Puts)}`,
    `one month of the uploaded files in S3 ${money(cost.s3Month)}`,
  ];
  const rows: Record<string, string> = {
    'demand (demand.json)': `${demand.peakRequestsPerSecond} requests/s and ${uploads}, ${percent(demand.growthPerMonth)} growth a month`,
    'target tracking': `${scaling.metric} = ${scaling.target}`,
    'requests per target and minute at 50 % of capacity': `${scaling.requestsPerTargetAndMinute} with this demand's uploads; ${scaling.requestsPerMinuteByCpu} without uploads`,
    instances: `${advice.minInstances} to ${advice.maxInstances} x ${advice.instanceType}`,
    'deregistration delay': `${advice.deregistrationDelaySeconds} s`,
    'idle timeout of the load balancer': `${advice.balancerIdleSeconds} s`,
    'database connections': `${database.connectionsPerInstance} per instance, ${database.connectionsAtMaximum} for ${advice.maxInstances} instances (without the worker's)`,
    'backlog per worker': worker === null ? `${unknown}: npm run bench -- worker` : backlog(worker),
    'workers for the burst': worker === null ? unknown : String(worker.workersForTheBurst),
    'cost of 1,000 uploads': `${money(cost.total)} ${cost.currency}: ${costs.join(', ')}; without load balancer, database and clips`,
  };
  return { title: 'Recommended configuration', head: ['what', 'value'], rows: Object.entries(rows) };
}

export function describeSizes({ fixedSizes }: RehearsalReport): Table {
  return {
    title: 'Fixed fleet: capacity by number of instances',
    head: [
      'instances',
      'within objectives /s',
      'highest measured /s',
      'knee /s',
      'fit error rms',
      'points',
      'throughput per instance, relative to one',
      '50 % CPU at /s',
      '',
    ],
    rows: fixedSizes.map((size) => [
      String(size.instances),
      withinOf(size),
      size.atLeastPerSecond.toFixed(0),
      rateOf(size),
      size.rmsShare === null ? 'none' : `${(size.rmsShare * 100).toFixed(1)} %`,
      String(size.points),
      percent(size.efficiency),
      size.halfCpuPerSecond?.toFixed(0) ?? 'none',
      size.verdict === 'INVALID' ? 'INVALID' : '',
    ]),
  };
}

export function describeRates({ fixedSizes }: RehearsalReport): Table {
  return {
    title: 'Fixed fleet: arrivals at random times',
    head: [
      'instances',
      'offered /s',
      'completed /s',
      'p95 ms',
      'p99 ms',
      'CPU of the limit',
      'web us',
      'database us',
      'balancer us',
    ],
    rows: fixedSizes.flatMap(({ instances, rates }) =>
      rates.map((rate) => [
        String(instances),
        rate.offeredPerSecond.toFixed(0),
        rate.completedPerSecond.toFixed(0),
        rate.p95Ms.toFixed(0),
        rate.p99Ms.toFixed(0),
        percent(rate.cpuShare),
        ...Object.values(rate.cpuUsPerRequest).map((us) => us.toFixed(0)),
      ]),
    ),
  };
}

/** Adds `>=` if even the highest rate broke no objective. */
export function withinOf({ withinObjectivesPerSecond: within, rates }: FixedSize): string {
  return `${within === rates.at(-1)?.offeredPerSecond ? '>= ' : ''}${within.toFixed(0)}`;
}

/** Returns the knee with its interval, or a lower bound. */
export function rateOf({ knee, atLeastPerSecond, rmsShare }: FixedSize): string {
  if (knee === null) {
    const isBad = rmsShare !== null && rmsShare > rmsLimit;
    return `>= ${atLeastPerSecond.toFixed(0)}${isBad ? ' (no knee: fit error too high)' : ''}`;
  }
  return `${knee.perSecond.toFixed(0)} (${knee.lowPerSecond.toFixed(0)} to ${knee.highPerSecond.toFixed(0)})`;
}

export function describeWindows({ scaling }: RehearsalReport): Table {
  return {
    title: 'Autoscaling: what clients measured',
    head: [
      'phase',
      'offered /s',
      'requests',
      'errors',
      'median p99 ms',
      'worst p99 ms',
      'seconds beyond the objective',
    ],
    rows: scaling.windows.map((window) => [
      `${window.name} (${(window.endSecond - window.startSecond).toFixed(0)} s)`,
      window.offeredPerSecond.toFixed(0),
      String(window.requests),
      String(window.errors),
      window.medianP99Ms.toFixed(0),
      window.worstP99Ms.toFixed(0),
      String(window.secondsBeyondObjective),
    ]),
  };
}

export function describeUploads({ uploads }: RehearsalReport): Table {
  return {
    title: `Uploads of ${megabytes(uploads.fileBytes)} to one instance, into an S3 sink`,
    head: ['sent', 'accepted', 'highest /s', 'bytes /s', 'CPU s per GB', 'peak in flight', 'peak part buffers'],
    rows: [
      [
        String(uploads.asked),
        String(uploads.uploads),
        uploads.completedPerSecond.toFixed(1),
        megabytes(uploads.bytesPerSecond),
        uploads.cpuSecondsPerGigabyte?.toFixed(2) ?? unknown,
        String(uploads.peakUploadsInFlight),
        String(uploads.peakPartBuffers),
      ],
    ],
  };
}

export function describeSafety({ drain }: RehearsalReport): Table {
  const row = (name: string, { asked, accepted, stored }: RehearsalReport['drain']['votes']) => [
    name,
    ...[asked, accepted, stored, accepted - stored].map(String),
  ];
  return {
    title: 'Instances replaced during writes',
    head: ['what', 'sent', 'accepted', 'stored', 'lost'],
    rows: [row('votes', drain.votes), row('uploads', drain.uploads)],
  };
}
