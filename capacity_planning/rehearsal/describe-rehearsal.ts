import { partPageBytes, partPagesPerInstance } from '../../src/limits.ts';
import type { Page } from '../lib/page.ts';
import type { Recommendation } from './recommend.ts';
import type { RehearsalReport } from './rehearsal-schema.ts';
import {
  describeConfiguration,
  describeRates,
  describeSafety,
  describeSizes,
  describeUploads,
  describeWindows,
  withinOf,
} from './rehearsal-tables.ts';
import { megabytes, percent } from './units.ts';

/** Describes a rehearsal in the order in which operators read: is it valid, what is the capacity, what is to be set. */
export function describeRehearsal(report: RehearsalReport, advice: Recommendation): Omit<Page, 'charts'> {
  const { judgement } = report;
  const caution = cautions[judgement.verdict];
  return {
    verdict: judgement.verdict,
    headline: `${judgement.verdict}: local test of the load balancer and autoscaling`,
    sentences: [
      ...judgement.reasons.map(({ verdict, rule, text }) => `${verdict} (${rule}): ${text}.`),
      ...(caution === undefined ? [] : [caution]),
      ...describeCapacity(report, advice),
      describePlayable(report, advice),
      ...describeBehavior(report, advice),
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

const cautions: Record<string, string | undefined> = {
  INVALID: 'The figures below are not a capacity, and no CloudFormation parameters are written.',
  FAIL: 'The configuration below is computed from these measurements. Decide by the reasons above whether to use it.',
};

function describeCapacity({ fixedSizes, uploads }: RehearsalReport, advice: Recommendation): string[] {
  const { perInstance, instanceType, scaling } = advice;
  const { requestsPerSecond, requestsPerSecondAtMost, cpuUsPerRequest, leastCpuUsPerRequest } = perInstance;
  const [one] = fixedSizes;
  const processors = (perInstance.databaseUsPerRequest * requestsPerSecond) / 1e6;
  const half = one?.halfCpuPerSecond ?? null;
  const halfCpu = half === null ? 'stays below 50 % CPU at every rate' : `reaches 50 % CPU at ${half.toFixed(0)}/s`;
  return [
    `Capacity of one ${instanceType}: ${requestsPerSecond.toFixed(0)} requests/s (rankings and votes), extrapolated from ${cpuUsPerRequest.toFixed(0)} us of CPU per request near 50 % CPU; ` +
      `${perInstance.sustainedRequestsPerSecond.toFixed(0)}/s sustained on its CPU baseline; uploads ${megabytes(perInstance.uploadBytesPerSecond)}/s.`,
    ...(one === undefined
      ? []
      : [
          `At higher load a request costs less, because votes share statements: ${leastCpuUsPerRequest.toFixed(0)} us at ${one.withinObjectivesPerSecond.toFixed(0)}/s, ` +
            `which gives ${requestsPerSecondAtMost.toFixed(0)}/s (extrapolated, not measured; not used below).`,
          `One instance limited to ${one.share} of a processor keeps the objectives up to ${withinOf(one)}/s and ${halfCpu}; it used ${percent(one.busiestShare)} of its share in the busiest second.`,
        ]),
    `At ${requestsPerSecond.toFixed(0)} requests/s one such instance needs ${processors.toFixed(1)} processors of the database: check the database's size before adding instances.`,
    `The limit is ${perInstance.saturatesOn}. At the network's baseline, uploads use ${percent(perInstance.cpuShareWhenNetworkIsFull)} CPU.`,
    `Uploads in flight: at most ${uploads.peakUploadsInFlight} with ${megabytes(uploads.peakBytesInFlight)}, ${uploads.peakPartBuffers} pages of parts and ${uploads.peakResidentMiB.toFixed(0)} MiB resident memory. ` +
      `An instance has ${partPagesPerInstance} pages for parts (${megabytes(partPagesPerInstance * partPageBytes)}); uploads that find none free wait at their sockets.`,
    `Set ${scaling.metric} to ${scaling.target}: ${scaling.why}. ${describeMetric(advice)}`,
    `${advice.burstable}.`,
    describeHeadroom(advice),
  ];
}

/** The local test scales on CPU. Its times hold for every metric; the load at which it scales holds only for CPU. */
function describeMetric({ scaling, demand }: Recommendation): string {
  if (scaling.metric === 'ASGAverageCPUUtilization') return 'The test scaled on this metric.';
  const uploads = `${demand.peakUploadsPerMinute} uploads of ${demand.uploadMegabytes} MB`;
  return (
    'The test scaled on 50 % CPU: the times below hold for both metrics, the load at which instances are added does not. ' +
    `The target assumes ${uploads} among ${60 * demand.peakRequestsPerSecond} requests a minute: compute it again when this mix changes.`
  );
}

/** Adds up the times from the first uploaded byte to a playable clip. Each part comes from the run that measured it. */
function describePlayable({ uploads }: RehearsalReport, { worker }: Recommendation): string {
  const upload = `upload ${uploads.unloadedSeconds.toFixed(2)} s (${megabytes(uploads.fileBytes)}, unloaded instance)`;
  if (worker === null)
    return `Upload to playable: ${upload}; waiting, processing and publishing were not measured (npm run bench -- worker).`;
  const wait = `${(60 / worker.videosPerMinute).toFixed(1)} s for each video ahead in the queue`;
  const { meanServiceSeconds: service, meanPublishSeconds: publish } = worker;
  const work =
    publish === null
      ? `processing and publishing ${service.toFixed(1)} s`
      : `processing ${(service - publish).toFixed(1)} s; publishing ${publish.toFixed(2)} s`;
  return `Upload to playable: ${upload}; ${wait}; ${work} (worker bench, ${worker.sizeMiB} MiB).`;
}

function describeHeadroom({ headroom, instancesNeededAtPeak, maxInstances }: Recommendation): string {
  const peak = `The peak needs ${instancesNeededAtPeak.toFixed(2)} instances at 50 % of their capacity`;
  const growth = `${percent(headroom.growthPerMonth)} growth a month`;
  return headroom.endsOn === null
    ? `${peak}. With ${growth}, ${maxInstances} instances are enough for at least ten years.`
    : `${peak}. With ${growth}, ${maxInstances} instances are enough until ${headroom.endsOn}.`;
}

function describeBehavior(
  { scaling, keepAlive, drain, fixedSizes }: RehearsalReport,
  advice: Recommendation,
): string[] {
  const half = fixedSizes[0]?.halfPrediction ?? null;
  const seconds = (value: number | null) => (value === null ? 'never' : `${value.toFixed(0)} s`);
  const { policy } = scaling;
  return [
    `Scale-out to ${scaling.neededInstances} instances after the step of load: ${seconds(scaling.scaleOutSeconds)}, simulated ${seconds(scaling.simulatedScaleOutSeconds)}; ${describeOvershoot(scaling)}.`,
    `Scale-in after the load fell: first instance after ${seconds(scaling.scaleInSeconds)}, simulated ${seconds(scaling.simulatedScaleInSeconds)}; ${describeDamage(scaling)}. ` +
      `The deregistration delay was ${policy.deregistrationSeconds} s here; ${advice.deregistrationDelaySeconds} s are recommended.`,
    `Clients that pause 5 to 15 s: ${keepAlive.requests} requests, ${keepAlive.badGateways} responses 502, ${keepAlive.otherFailures} other failures.`,
    `${drain.replacedInstances} instances were replaced during writes; ${drain.wrongCounters} vote counters are wrong.`,
    ...(half === null
      ? []
      : [
          `Knee predicted from every other load of one instance: ${half.predicted.toFixed(0)}/s; highest throughput measured at the others: ${half.measured.toFixed(0)}/s.`,
        ]),
  ];
}

/** Overshoot can only be observed if the policy allows more instances than are needed. */
function describeOvershoot({ overshootInstances, neededInstances, policy }: RehearsalReport['scaling']): string {
  return neededInstances >= policy.maxInstances
    ? "the policy's maximum was reached, so overshoot could not be observed"
    : `overshoot ${overshootInstances} instances`;
}

/** Counts what clients saw after the load fell, while instances drained. */
function describeDamage({ windows }: RehearsalReport['scaling']): string {
  const after = windows.slice(2);
  const sum = (name: 'errors' | 'requests' | 'secondsBeyondObjective') =>
    after.reduce((total, window) => total + window[name], 0);
  return `${sum('errors')} errors in ${sum('requests')} requests and ${sum('secondsBeyondObjective')} seconds beyond the objective until then`;
}

function describeLimits(report: RehearsalReport, advice: Recommendation): string[] {
  const { machine, commit, hasUncommittedChanges, startedAt, durationSeconds, balancer, scaling } = report;
  return [
    `Machine: ${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}, Node ${report.node}, ${balancer}; shared by generator, balancer, database and instances.`,
    `Commit ${commit}${hasUncommittedChanges ? ' with uncommitted changes' : ''}; started ${startedAt}; ${(durationSeconds / 60).toFixed(1)} min; autoscaling ${scaling.timeScale} times as fast as the policy.`,
    'Instances join warm at the end of their warm-up; real instances boot for one to two minutes and join cold. Uploads go to an S3 sink.',
    'Not measured: TLS at the load balancer, real network cards, EBS, S3, a separate database, availability zones, other processors (a vCPU of a burstable type is at most half a core).',
    `Prices as of ${advice.pricesAsOf}: check them before you use the costs.`,
  ];
}
