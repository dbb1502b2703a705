import { partPageBytes, partPagesPerInstance } from '../../src/limits.ts';
import type { Page } from '../lib/page.ts';
import type { Recommendation } from './recommend.ts';
import type { FixedSize, RehearsalReport } from './rehearsal-schema.ts';
import {
  describeConfiguration,
  describeRates,
  describeSafety,
  describeSizes,
  describeUploads,
  describeWindows,
  rateOf,
  withinOf,
} from './rehearsal-tables.ts';
import { megabytes, percent } from './units.ts';

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
      ...(judgement.verdict === 'FAIL'
        ? [
            'The rehearsal FAILs: the configuration below rests on what was measured, and is no better than what failed: decide by the reasons above.',
          ]
        : []),
      ...describeCapacity(report, advice),
      describePlayable(report, advice),
      ...describeBehaviour(report, advice),
      ...describeLimits(report, advice),
    ],
    tables: [
      describeConfiguration(advice),
      describeSizes(report),
      describeRates(report),
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
  return [
    `Capacity of one ${advice.instanceType}: ${perInstance.requestsPerSecond.toFixed(0)} requests/s at least (rankings and votes; ${perInstance.cpuUsPerRequest.toFixed(0)} us of CPU each, as where scaling holds an instance: a full one takes less for each), ` +
      `${perInstance.sustainedRequestsPerSecond.toFixed(0)} for ever on its CPU baseline; uploads ${megabytes(perInstance.uploadBytesPerSecond)}/s.`,
    ...(one === undefined ? [] : [describeMost(one, advice)]),
    `It saturates on ${perInstance.saturatesOn}: the network's baseline is full at ${percent(perInstance.cpuShareWhenNetworkIsFull)} CPU.`,
    ...fixedSizes.slice(0, 1).flatMap((size) => describeSaturation(size, fixedSizes.at(-1) ?? size)),
    `Bytes in flight: ${uploads.peakUploadsInFlight} uploads, ${megabytes(uploads.peakBytesInFlight)} under way at most, ` +
      `${uploads.peakPartBuffers} part buffers (${megabytes(perInstance.partBufferBytesPeak)}), ${uploads.peakResidentMiB.toFixed(0)} MiB resident.`,
    `However many uploads there are, an instance holds no more than ${partPagesPerInstance} pages of parts (${megabytes(partPagesPerInstance * partPageBytes)}): an upload that finds none free waits at the socket.`,
    `Set ${advice.scaling.metric} to ${advice.scaling.target}: ${advice.scaling.why}. ${describeMetric(advice)}`,
    `${advice.burstable}.`,
    describeHeadroom(advice),
  ];
}

/** Beyond what was seen a straight line promises more than anyone should buy by. */
function describeMost(one: FixedSize, { perInstance }: Recommendation): string {
  const { requestsPerSecond, requestsPerSecondAtMost, leastCpuUsPerRequest, databaseUsPerRequest } = perInstance;
  const processors = (databaseUsPerRequest * requestsPerSecond) / 1e6;
  return (
    `Requests that come together cost less: ${leastCpuUsPerRequest.toFixed(0)} us each at ${one.withinObjectivesPerSecond.toFixed(0)}/s on ${one.share} of a processor, ` +
    `so up to ${requestsPerSecondAtMost.toFixed(0)}/s may be in it; nobody saw that, and nothing below counts on it. ` +
    `At ${requestsPerSecond.toFixed(0)}/s each such instance asks the database for ${processors.toFixed(1)} processors: look at its size before adding instances.`
  );
}

/** The times that a rehearsal tells are those of the law, whatever the metric; the load at which it speaks is not. */
function describeMetric({ scaling, demand }: Recommendation): string {
  if (scaling.metric === 'ASGAverageCPUUtilization') return 'That metric was rehearsed.';
  return (
    'Rehearsed was CPU at 50 %, by the same periods: the times below hold for both, the load at which it scales does not. ' +
    `The target counts requests of a mix with ${demand.peakUploadsPerMinute} uploads of ${demand.uploadMegabytes} MB among ${60 * demand.peakRequestsPerSecond} a minute: ` +
    'with fewer uploads it adds instances too early, with more too late; reckon it again when the mix changes.'
  );
}

/** From the first byte to a clip that plays; each part from whoever measured it. */
function describePlayable({ uploads }: RehearsalReport, { worker }: Recommendation): string {
  const upload = `upload ${uploads.calmSeconds.toFixed(2)} s (${megabytes(uploads.fileBytes)}, a calm instance)`;
  if (worker === null)
    return `Accepted to playable: ${upload}; wait, run and publish were not measured here (npm run bench -- worker).`;
  const wait = `wait ${(60 / worker.videosPerMinute).toFixed(1)} s for each video ahead`;
  const { meanServiceSeconds: service, meanPublishSeconds: publish } = worker;
  const work =
    publish === null
      ? `run and publish ${service.toFixed(1)} s`
      : `run ${(service - publish).toFixed(1)} s; publish ${publish.toFixed(2)} s`;
  return `Accepted to playable: ${upload}; ${wait}; ${work} (worker bench, ${worker.sizeMiB} MiB).`;
}

/** What the held instance did, and who had CPU left at the highest rate that several of them got. */
function describeSaturation(one: FixedSize, most: FixedSize): string[] {
  const highest = most.rates.at(-1);
  const processors = (name: 'database' | 'balancer') =>
    (((highest?.cpuUsPerRequest[name] ?? 0) * (highest?.completedPerSecond ?? 0)) / 1e6).toFixed(2);
  const halfBusy =
    one.halfBusyPerSecond === null
      ? 'its CPU was at 50 % at no rate tried'
      : `its CPU is at 50 % at ${one.halfBusyPerSecond.toFixed(0)}/s, since requests that come together cost less each`;
  return [
    `One instance held to ${one.share} of a processor: knee ${rateOf(one)}/s, fitted; the most that was seen is ${one.atLeastPerSecond.toFixed(0)}/s; ` +
      `objectives hold up to ${withinOf(one)}/s, by the medians of the steps of each rate; ${halfBusy}; ${percent(one.busiestShare)} of the share used in the busiest second.`,
    `At ${(highest?.completedPerSecond ?? 0).toFixed(0)} requests/s behind ${most.instances} instances the database used ${processors('database')} processors and the balancer ${processors('balancer')}.`,
  ];
}

function describeHeadroom({ headroom, instancesNeededAtPeak, maxInstances }: Recommendation): string {
  const now = `The peak needs ${instancesNeededAtPeak.toFixed(2)} instances held at half`;
  const growth = `${percent(headroom.growthPerMonth)} growth a month`;
  return headroom.endsOn === null
    ? `${now}; with ${growth} ${maxInstances} of them last for ten years and more.`
    : `${now}; with ${growth} the headroom of ${maxInstances} ends on ${headroom.endsOn}.`;
}

function describeBehaviour(
  { scaling, keepAlive, drain, fixedSizes }: RehearsalReport,
  { deregistrationDelaySeconds: deregistrationSeconds }: Recommendation,
): string[] {
  const [one] = fixedSizes;
  const half = one?.halfPrediction;
  const seconds = (value: number | null) => (value === null ? 'never' : `${value.toFixed(0)} s`);
  return [
    `Scaling took ${scaling.capacityPerInstance.toFixed(0)}/s for what fills an instance: ${one?.halfBusyPerSecond ? 'twice the rate at which its CPU is half busy' : 'the most that arrived at one'}.`,
    `From the step until ${scaling.neededInstances} instances served, in the law's time: ${seconds(scaling.scaleOutSeconds)}; ${seconds(scaling.simulatedScaleOutSeconds)} simulated; ${describeOvershoot(scaling)}.`,
    `From the load's fall until the first instance left: ${seconds(scaling.scaleInSeconds)}; ${seconds(scaling.simulatedScaleInSeconds)} simulated ` +
      `(${scaling.law.breachingPeriodsIn} periods, counted from the one in which it fell; an instance that left had ${scaling.law.deregistrationSeconds} s to finish here, ${deregistrationSeconds} are recommended below); ${describeDamage(scaling)}.`,
    `Clients that pause 5 to 15 s: ${keepAlive.requests} requests, ${keepAlive.badGateways} times 502, ${keepAlive.otherFailures} other failures.`,
    `${drain.replacedInstances} instances replaced under writes: ${drain.votes.accepted} votes accepted and ${drain.votes.stored} stored, ` +
      `${drain.uploads.accepted} uploads accepted and ${drain.uploads.stored} stored, ${drain.wrongCounters} counters wrong.`,
    ...(half === null || half === undefined
      ? []
      : [
          `A curve through every other load of one instance has its knee at ${half.predicted.toFixed(0)}/s; the most that the loads between them and the arrivals reached is ${half.measured.toFixed(0)}/s.`,
        ]),
  ];
}

/** The law may allow no more than are needed: then none can be too many. */
function describeOvershoot({ overshootInstances, neededInstances, law }: RehearsalReport['scaling']): string {
  return neededInstances >= law.maxInstances
    ? 'that is as many as the law allows, so that too many could not show'
    : `${overshootInstances} instances too many`;
}

/** From the load's fall on: instances drain while clients still ask. */
function describeDamage({ windows }: RehearsalReport['scaling']): string {
  const after = windows.slice(2);
  const errors = after.reduce((sum, window) => sum + window.errors, 0);
  const requests = after.reduce((sum, window) => sum + window.requests, 0);
  const beyond = after.reduce((sum, window) => sum + window.secondsBeyondObjective, 0);
  return `meanwhile ${errors} errors in ${requests} requests and ${beyond} seconds beyond the objective`;
}

function describeLimits(report: RehearsalReport, advice: Recommendation): string[] {
  const { machine, commit, hasUncommittedChanges, startedAt, durationSeconds, balancer, scaling } = report;
  return [
    `Machine: ${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}, Node ${report.node}, ${balancer}; generator, balancer, database and instances shared it.`,
    `Commit ${commit}${hasUncommittedChanges ? ' with uncommitted changes' : ''}; started ${startedAt}; ${(durationSeconds / 60).toFixed(1)} min; scaling ${scaling.timeScale} times as fast as the law.`,
    'Instances join warm and at once after their warm-up: a real one boots for a minute or two and begins cold. Uploads go to a sink.',
    `Not shown: TLS at the balancer, real network cards, EBS, S3 and its latency, a database of its own size, zones, another processor (a vCPU of a burstable type is half of a core at best).`,
    `Prices of ${advice.pricesAsOf}: look again before money depends on them.`,
  ];
}
