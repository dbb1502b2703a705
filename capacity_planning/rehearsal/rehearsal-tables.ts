import type { Table } from '../lib/page.ts';
import { rmsLimit } from '../lib/usl.ts';
import type { Recommendation } from './recommend.ts';
import type { FixedSize, RehearsalReport } from './rehearsal-schema.ts';
import { megabytes, money, percent, unknown } from './units.ts';

export function describeConfiguration(advice: Recommendation): Table {
  const { scaling, costPer1000Uploads: cost, database, worker, demand } = advice;
  const rows: [string, string][] = [
    [
      'for this demand (demand.json)',
      `${demand.peakRequestsPerSecond} requests/s and ${demand.peakUploadsPerMinute} uploads of ${demand.uploadMegabytes} MB a minute, ${percent(demand.growthPerMonth)} more each month`,
    ],
    ['target tracking', `${scaling.metric} = ${scaling.target}`],
    [
      'requests per target and minute at half of capacity',
      `${scaling.requestsPerTargetAndMinute} at this demand's mix; ${scaling.requestsPerMinuteByCpu} by CPU, were there no uploads`,
    ],
    ['instances', `${advice.minInstances} to ${advice.maxInstances} x ${advice.instanceType}`],
    ['deregistration delay', `${advice.deregistrationDelaySeconds} s`],
    ['idle time-out of the balancer', `${advice.balancerIdleSeconds} s`],
    [
      'database connections',
      `${database.connectionsPerInstance} an instance, ${database.connectionsAtMaximum} at ${advice.maxInstances} (the worker's apart)`,
    ],
    [
      'backlog per worker',
      worker === null
        ? 'not measured: npm run bench -- worker'
        : `${worker.backlogPerWorker} videos for ${worker.playableWithinMinutes} min (${worker.videosPerMinute.toFixed(2)}/min at ${worker.sizeMiB} MiB)`,
    ],
    ['workers for the burst', worker === null ? unknown : String(worker.workersForTheBurst)],
    [
      'cost of 1,000 uploads',
      `${money(cost.total)} ${cost.currency}: web ${money(cost.web)}, worker ${cost.worker === null ? unknown : money(cost.worker)} (CPU above its baseline paid for), S3 requests ${money(cost.s3Puts)}, a month of the sent files in S3 ${money(cost.s3Month)}; without balancer, database and clips`,
    ],
  ];
  return { title: 'Configuration that follows', head: ['what', 'value'], rows };
}

export function describeSizes({ fixedSizes }: RehearsalReport): Table {
  return {
    title: 'Scaling off: capacity by number of instances',
    head: [
      'instances',
      'within objectives /s',
      'most seen /s',
      'knee /s',
      'rms',
      'points',
      'throughput each, of one’s with as many users',
      'half busy /s',
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
    title: 'Scaling off: what arrived at random moments',
    head: [
      'instances',
      'offered /s',
      'completed /s',
      'p95 ms',
      'p99 ms',
      'CPU of the share',
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

/** Where even the highest rate broke no objective, more may hold. */
export function withinOf({ withinObjectivesPerSecond: within, rates }: FixedSize): string {
  return `${within === rates.at(-1)?.offeredPerSecond ? '>= ' : ''}${within.toFixed(0)}`;
}

/** A knee with its interval, or what it is at least. */
export function rateOf({ knee, atLeastPerSecond, rmsShare }: FixedSize): string {
  if (knee === null) {
    const isBad = rmsShare !== null && rmsShare > rmsLimit;
    return `>= ${atLeastPerSecond.toFixed(0)}${isBad ? ' (withheld: bad fit)' : ''}`;
  }
  return `${knee.perSecond.toFixed(0)} (${knee.lowPerSecond.toFixed(0)} to ${knee.highPerSecond.toFixed(0)})`;
}

export function describeWindows({ scaling }: RehearsalReport): Table {
  return {
    title: 'Scaling on: what clients saw',
    head: ['part', 'offered /s', 'requests', 'errors', 'median p99 ms', 'worst p99 ms', 'seconds beyond the objective'],
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
    title: `Uploads of ${megabytes(uploads.fileBytes)} to one instance, into a sink`,
    head: ['asked', 'accepted', 'most /s', 'bytes /s', 'CPU s per GB', 'in flight at most', 'part buffers at most'],
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
    title: 'Instances replaced under writes',
    head: ['what', 'asked', 'accepted', 'stored', 'lost'],
    rows: [row('votes', drain.votes), row('uploads', drain.uploads)],
  };
}
