import type { Page, Table } from '../lib/page.ts';
import { rmsLimit } from '../lib/usl.ts';
import type { Recommendation } from './recommend.ts';
import type { FixedSize, RehearsalReport } from './rehearsal-schema.ts';

/** The page's words and figures, in the order in which ops ask: may I believe it, what can one do, what do I set. */
export function describeRehearsal(report: RehearsalReport, advice: Recommendation): Omit<Page, 'charts'> {
  const { judgement } = report;
  return {
    verdict: judgement.verdict,
    headline: `${judgement.verdict}: rehearsal of the balancer and its scaling`,
    sentences: [
      ...judgement.reasons.map(({ verdict, rule, text }) => `${verdict} (${rule}): ${text}.`),
      ...(judgement.verdict === 'INVALID'
        ? [
            'The rehearsal is INVALID: the figures below are no capacity, and no CloudFormation parameters follow from them.',
          ]
        : []),
      ...describeCapacity(report, advice),
      describePlayable(report, advice),
      ...describeBehaviour(report),
      ...describeLimits(report, advice),
    ],
    tables: [
      describeConfiguration(advice),
      describeSizes(report),
      describeWindows(report),
      describeUploads(report),
      describeSafety(report),
    ],
    commands: [report.command],
  };
}

function describeCapacity({ fixedSizes, uploads }: RehearsalReport, advice: Recommendation): string[] {
  const { perInstance } = advice;
  const [one] = fixedSizes;
  const held =
    one === undefined
      ? ''
      : `${perInstance.cpuUsPerRequest.toFixed(0)} us of CPU each, measured at ${rateOf(one)}/s on ${one.share} of a processor`;
  return [
    `Capacity of one ${advice.instanceType}: ${perInstance.requestsPerSecond.toFixed(0)} requests/s (rankings and votes; ${held}), ` +
      `${perInstance.sustainedRequestsPerSecond.toFixed(0)} for ever on its CPU baseline; uploads ${megabytes(perInstance.uploadBytesPerSecond)}/s.`,
    `It saturates on ${perInstance.saturatesOn}: the network's baseline is full at ${percent(perInstance.cpuShareWhenNetworkIsFull)} CPU.`,
    ...fixedSizes.slice(0, 1).map((size) => describeSaturation(size, fixedSizes.at(-1) ?? size)),
    `Bytes in flight: ${uploads.peakUploadsInFlight} uploads, ${megabytes(uploads.peakBytesInFlight)} under way at most, ` +
      `${uploads.peakPartBuffers} part buffers (${megabytes(perInstance.partBufferBytesPeak)}), ${uploads.peakResidentMiB.toFixed(0)} MiB resident.`,
    `Set ${advice.scaling.metric} to ${advice.scaling.target}: ${advice.scaling.why}.`,
    `${advice.burstable}.`,
    describeHeadroom(advice),
  ];
}

/** From the first byte to a clip that plays; each part from whoever measured it. */
function describePlayable({ uploads }: RehearsalReport, { worker }: Recommendation): string {
  const upload = `upload ${uploads.calmSeconds.toFixed(2)} s (${megabytes(uploads.fileBytes)}, a calm instance)`;
  if (worker === null)
    return `Accepted to playable: ${upload}; wait, run and publish were not measured here (npm run bench -- worker).`;
  const wait = `wait ${(60 / worker.videosPerMinute).toFixed(1)} s for each video ahead`;
  return `Accepted to playable: ${upload}; ${wait}; run and publish ${worker.meanServiceSeconds.toFixed(1)} s (worker bench, ${worker.sizeMiB} MiB).`;
}

/** CPU time per request times the rate that was reached: who had none left. */
function describeSaturation(one: FixedSize, most: FixedSize): string {
  const used = one.busiestShare === undefined ? 'unknown' : percent(one.busiestShare);
  const processors = (name: 'database' | 'balancer') =>
    ((most.cpuUsPerRequest[name] * most.atLeastPerSecond) / 1e6).toFixed(2);
  return (
    `At ${one.atLeastPerSecond.toFixed(0)} requests/s one instance used ${used} of its share in its busiest second; at ${most.atLeastPerSecond.toFixed(0)}/s ` +
    `behind ${most.instances} of them the database used ${processors('database')} processors and the balancer ${processors('balancer')}.`
  );
}

function describeHeadroom({ headroom, instancesNeededAtPeak, maxInstances }: Recommendation): string {
  const now = `The peak needs ${instancesNeededAtPeak.toFixed(2)} instances held at half`;
  const growth = `${percent(headroom.growthPerMonth)} growth a month`;
  return headroom.endsOn === null
    ? `${now}; with ${growth} ${maxInstances} of them last for ten years and more.`
    : `${now}; with ${growth} the headroom of ${maxInstances} ends on ${headroom.endsOn}.`;
}

function describeBehaviour({ scaling, keepAlive, drain, fixedSizes }: RehearsalReport): string[] {
  const [one] = fixedSizes;
  const half = one?.halfPrediction;
  const seconds = (value: number | null) => (value === null ? 'never' : `${value.toFixed(0)} s`);
  return [
    `Scale-out after the step: ${seconds(scaling.scaleOutSeconds)} of the law's time until ${scaling.neededInstances} instances served, ` +
      `${seconds(scaling.simulatedScaleOutSeconds)} simulated; ${scaling.overshootInstances} instances too many.`,
    `Clients that pause 5 to 15 s: ${keepAlive.requests} requests, ${keepAlive.badGateways} times 502, ${keepAlive.otherFailures} other failures.`,
    `${drain.replacedInstances} instances replaced under writes: ${drain.votes.accepted} votes accepted and ${drain.votes.stored} stored, ` +
      `${drain.uploads.accepted} uploads accepted and ${drain.uploads.stored} stored, ${drain.wrongCounters} counters wrong.`,
    ...(half === null || half === undefined
      ? []
      : [
          `Half of one instance's steps predict a knee of ${half.predicted.toFixed(0)}/s; the most that the others reached is ${half.measured.toFixed(0)}/s.`,
        ]),
  ];
}

function describeLimits(report: RehearsalReport, advice: Recommendation): string[] {
  const { machine, commit, hasUncommittedChanges, startedAt, durationSeconds, balancer, scaling } = report;
  return [
    `Machine: ${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}, Node ${report.node}, ${balancer}; generator, balancer, database and instances shared it.`,
    `Commit ${commit}${hasUncommittedChanges ? ' with uncommitted changes' : ''}; started ${startedAt}; ${(durationSeconds / 60).toFixed(1)} min; scaling ${scaling.timeScale} times as fast as the law.`,
    'Instances join warm and at once after their warm-up: a real one boots for a minute or two and begins cold. Uploads go to a sink.',
    `Not shown: TLS at the balancer, real network cards, EBS, S3 and its latency, a database of its own size, zones.`,
    `Prices of ${advice.pricesAsOf}: look again before money depends on them.`,
  ];
}

function describeConfiguration(advice: Recommendation): Table {
  const { scaling, costPer1000Uploads: cost, database, worker } = advice;
  const rows: [string, string][] = [
    ['target tracking', `${scaling.metric} = ${scaling.target}`],
    ['requests per target and minute at half of capacity', String(scaling.requestsPerTargetAndMinute)],
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
    ['workers for the burst', worker === null ? 'not measured' : String(worker.workersForTheBurst)],
    [
      'cost of 1,000 uploads',
      `${cost.total.toFixed(2)} ${cost.currency}: web ${cost.web.toFixed(2)}, worker ${cost.worker?.toFixed(2) ?? 'not measured'}, S3 requests ${cost.s3Puts.toFixed(2)}, a month in S3 ${cost.s3Month.toFixed(2)}`,
    ],
  ];
  return { title: 'Configuration that follows', head: ['what', 'value'], rows };
}

function describeSizes({ fixedSizes }: RehearsalReport): Table {
  const first = fixedSizes[0];
  const base = first === undefined ? 0 : first.atLeastPerSecond / first.instances;
  return {
    title: 'Scaling off: capacity by number of instances',
    head: [
      'instances',
      'within objectives /s',
      'most seen /s',
      'knee /s',
      'rms',
      'points',
      'efficiency',
      'web us',
      'database us',
      'balancer us',
      '',
    ],
    rows: fixedSizes.map((size) => [
      String(size.instances),
      size.withinObjectivesPerSecond.toFixed(0),
      size.atLeastPerSecond.toFixed(0),
      rateOf(size),
      size.rmsShare === null ? 'none' : `${(size.rmsShare * 100).toFixed(1)} %`,
      String(size.points),
      percent(size.atLeastPerSecond / size.instances / base),
      size.cpuUsPerRequest.web.toFixed(0),
      size.cpuUsPerRequest.database.toFixed(0),
      size.cpuUsPerRequest.balancer.toFixed(0),
      size.verdict === 'INVALID' ? 'INVALID' : '',
    ]),
  };
}

/** A knee with its interval, or what it is at least. */
function rateOf({ knee, atLeastPerSecond, rmsShare }: FixedSize): string {
  if (knee === null) {
    const isBad = rmsShare !== null && rmsShare > rmsLimit;
    return `>= ${atLeastPerSecond.toFixed(0)}${isBad ? ' (withheld: bad fit)' : ''}`;
  }
  return `${knee.perSecond.toFixed(0)} (${knee.lowPerSecond.toFixed(0)} to ${knee.highPerSecond.toFixed(0)})`;
}

function describeWindows({ scaling }: RehearsalReport): Table {
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

function describeUploads({ uploads }: RehearsalReport): Table {
  return {
    title: `Uploads of ${megabytes(uploads.fileBytes)} to one instance, into a sink`,
    head: ['uploads', 'most /s', 'bytes /s', 'CPU s per GB', 'in flight at most', 'part buffers at most'],
    rows: [
      [
        uploads.uploads.toFixed(0),
        uploads.completedPerSecond.toFixed(1),
        megabytes(uploads.bytesPerSecond),
        uploads.cpuSecondsPerGigabyte.toFixed(2),
        String(uploads.peakUploadsInFlight),
        String(uploads.peakPartBuffers),
      ],
    ],
  };
}

function describeSafety({ drain }: RehearsalReport): Table {
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

function megabytes(bytes: number): string {
  return `${Number((bytes / 1e6).toPrecision(3))} MB`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
