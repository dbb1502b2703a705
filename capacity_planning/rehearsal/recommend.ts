import { databaseConnectionsPerProcess, partBytes, voteBatchesInFlightMax } from '../../src/limits.ts';
import { defaultPolicy } from '../lib/scaling-policy.ts';
import type { WorkerCapacity } from '../lib/worker-capacity.ts';
import type { Demand, InstanceType, Prices } from './inputs.ts';
import type { FixedSize, RateStep, RehearsalReport } from './rehearsal-schema.ts';
import { percent } from './units.ts';

export type Recommendation = ReturnType<typeof recommend>;

const templateMax = 3;
/** Target utilization of CPU and network. The rest serves the load that arrives while an instance starts. */
const targetShare = 0.5;
const monthsPerYear = 12;

/**
 * Computes the configuration from the measurements. Rates at a share of a processor are extrapolated linearly to a whole
 * instance, by CPU time per request and per byte. The number of instances follows from the cost of a request near 50 % CPU,
 * where scaling keeps an instance. At higher load a request costs less, which gives the highest possible rate.
 */
export function recommend(report: RehearsalReport, demand: Demand, prices: Prices, worker: WorkerCapacity | undefined) {
  const type = prices.instanceTypes[demand.instanceType];
  const [one] = report.fixedSizes;
  if (type === undefined || one === undefined)
    throw new Error(`Expected a price of ${demand.instanceType} and one size`);
  const { vCpus } = type;
  const perInstance = describeInstance(report, one, type);
  const uploadBytes = demand.uploadMegabytes * 1e6;
  const uploadsPerSecond = demand.peakUploadsPerMinute / 60;
  const load = (months: number) => (1 + demand.growthPerMonth) ** months;
  const needed = (months: number) =>
    Math.max(
      (demand.peakRequestsPerSecond * load(months)) / (perInstance.requestsPerSecond * targetShare),
      (uploadsPerSecond * uploadBytes * load(months)) / (perInstance.networkBytesPerSecond * targetShare),
    );
  const cpuWhenNetworkIsFull = (perInstance.networkBytesPerSecond * perInstance.cpuSecondsPerByte) / vCpus;
  const cpuAlarmNeverFires = cpuWhenNetworkIsFull < targetShare;
  const uploadsDecide =
    (uploadsPerSecond * uploadBytes) / perInstance.networkBytesPerSecond >
    demand.peakRequestsPerSecond / perInstance.requestsPerSecond;
  const requestsAtTargetNetwork =
    (perInstance.networkBytesPerSecond * targetShare * (demand.peakRequestsPerSecond + uploadsPerSecond)) /
    Math.max(1, uploadsPerSecond * uploadBytes);
  const byRequests = cpuAlarmNeverFires && uploadsDecide;
  const requestsPerMinute = Math.floor(
    60 * Math.min(perInstance.requestsPerSecond * targetShare, requestsAtTargetNetwork),
  );
  const connections = vCpus * (databaseConnectionsPerProcess + voteBatchesInFlightMax);
  const headroomMonths = findHeadroom((months) => needed(months) <= templateMax);
  return {
    measuredAt: report.startedAt,
    verdict: report.judgement.verdict,
    instanceType: demand.instanceType,
    perInstance: { ...perInstance, cpuShareWhenNetworkIsFull: cpuWhenNetworkIsFull },
    scaling: {
      metric: byRequests ? 'ALBRequestCountPerTarget' : 'ASGAverageCPUUtilization',
      target: byRequests ? requestsPerMinute : targetShare * 100,
      why: byRequests
        ? `uploads fill the network at ${percent(cpuWhenNetworkIsFull)} CPU, so an alarm at ${percent(targetShare)} CPU would never fire`
        : `requests fill the CPU first${cpuAlarmNeverFires ? `; with uploads only, the network is full at ${percent(cpuWhenNetworkIsFull)} CPU and this alarm never fires` : ''}`,
      requestsPerTargetAndMinute: requestsPerMinute,
      requestsPerMinuteByCpu: Math.floor(60 * perInstance.requestsPerSecond * targetShare),
    },
    minInstances: Math.min(templateMax, Math.max(1, Math.ceil(needed(0)))),
    maxInstances: templateMax,
    instancesNeededAtPeak: needed(0),
    headroom: {
      growthPerMonth: demand.growthPerMonth,
      months: headroomMonths,
      endsOn: headroomMonths === null ? null : addMonths(report.startedAt, headroomMonths),
    },
    deregistrationDelaySeconds: defaultPolicy.deregistrationSeconds,
    balancerIdleSeconds: 6,
    database: { connectionsPerInstance: connections, connectionsAtMaximum: connections * templateMax },
    worker: worker === undefined ? null : describeWorker(worker, demand),
    burstable: describeBurst(demand.instanceType, type),
    costPer1000Uploads: costUploads(demand, prices, type, perInstance, worker),
    pricesAsOf: prices.asOf,
    demand,
  };
}

export function toCloudFormation(advice: Recommendation): { ParameterKey: string; ParameterValue: string }[] {
  const values = {
    InstanceType: advice.instanceType,
    WebMin: advice.minInstances,
    WebMax: advice.maxInstances,
    ScalingMetric: advice.scaling.metric,
    ScalingTarget: advice.scaling.target,
  };
  return Object.entries(values).map(([ParameterKey, value]) => ({ ParameterKey, ParameterValue: String(value) }));
}

function describeInstance({ uploads }: RehearsalReport, one: FixedSize, type: InstanceType) {
  const { web: leastCpuUsPerRequest } = one.cpuUsPerRequest;
  const { web: cpuUsPerRequest, database: databaseUsPerRequest } =
    findTargetRate(one)?.cpuUsPerRequest ?? one.cpuUsPerRequest;
  const networkBytesPerSecond = (type.networkBaselineGbps * 1e9) / 8;
  const cpuSecondsPerByte = (uploads.cpuSecondsPerGigabyte ?? Number.NaN) / 1e9;
  const byCpu = type.vCpus / cpuSecondsPerByte;
  return {
    measuredShareOfAProcessor: one.share,
    measuredRequestsPerSecond: one.knee?.perSecond ?? one.atLeastPerSecond,
    cpuUsPerRequest,
    databaseUsPerRequest,
    leastCpuUsPerRequest,
    requestsPerSecond: (type.vCpus / cpuUsPerRequest) * 1e6,
    requestsPerSecondAtMost: (type.vCpus / leastCpuUsPerRequest) * 1e6,
    sustainedRequestsPerSecond: ((type.vCpus * type.baselineSharePerVcpu) / cpuUsPerRequest) * 1e6,
    cpuSecondsPerByte,
    uploadBytesPerSecondByCpu: byCpu,
    networkBytesPerSecond,
    uploadBytesPerSecond: Math.min(byCpu, networkBytesPerSecond),
    peakBytesInFlight: uploads.peakBytesInFlight,
    partBufferBytesPeak: uploads.peakPartBuffers * partBytes,
    saturatesOn:
      byCpu < networkBytesPerSecond ? 'CPU, for requests and uploads' : 'CPU for requests, network for uploads',
  };
}

/** Returns the measured rate that is nearest to 50 % CPU. */
function findTargetRate({ rates }: FixedSize): RateStep | undefined {
  const distance = ({ cpuShare }: RateStep) => Math.abs(cpuShare - targetShare);
  return [...rates].sort((a, b) => distance(a) - distance(b))[0];
}

function describeWorker(worker: WorkerCapacity, demand: Demand) {
  const backlogPerWorker = Math.floor(worker.videosPerMinute * demand.playableWithinMinutes);
  return {
    ...worker,
    playableWithinMinutes: demand.playableWithinMinutes,
    backlogPerWorker,
    workersForTheBurst: Math.ceil(demand.videosOfABurst / Math.max(1, backlogPerWorker)),
  };
}

/** A CPU credit is one vCPU minute. A new instance of the t3 family has almost none. */
function describeBurst(
  name: string,
  { baselineSharePerVcpu, creditsPerHour, vCpus, networkBaselineGbps, networkBurstGbps }: InstanceType,
): string {
  if (creditsPerHour === null) return `${name} is not burstable`;
  const hoursOfCredits = (creditsPerHour * 24) / (vCpus * (1 - baselineSharePerVcpu) * 60);
  return (
    `${name} earns ${creditsPerHour} CPU credits an hour, enough for ${percent(baselineSharePerVcpu)} of each vCPU. Above that it spends credits ` +
    `(those of a whole day last ${hoursOfCredits.toFixed(1)} h at full load) or, in unlimited mode, costs more. Its network sustains ${networkBaselineGbps} Gbit/s, and up to ${networkBurstGbps} Gbit/s for minutes. ` +
    `An instance kept at 50 % CPU is above the baseline and uses up its credits`
  );
}

function costUploads(
  demand: Demand,
  prices: Prices,
  type: InstanceType,
  { uploadBytesPerSecond }: ReturnType<typeof describeInstance>,
  worker: WorkerCapacity | undefined,
) {
  const uploads = 1_000;
  const bytes = demand.uploadMegabytes * 1e6;
  // PUT requests: create, one per part, complete, the clip, and its poster.
  const puts = 2 + Math.ceil(bytes / partBytes) + 2;
  const web = ((uploads * bytes) / (uploadBytesPerSecond * targetShare) / 3600) * type.hour;
  // A worker that is never idle has no credits left and pays for CPU above its baseline.
  const surplusVcpus = type.vCpus * (1 - type.baselineSharePerVcpu);
  const workerHour = type.hour + surplusVcpus * type.surplusVcpuHour;
  const processing = worker === undefined ? null : (uploads / worker.videosPerMinute / 60) * workerHour;
  const s3Puts = ((uploads * puts) / 1_000) * prices.s3.putsPer1000;
  const s3Month = ((uploads * bytes) / 1e9) * prices.s3.gigabyteMonth;
  const total = web + (processing ?? 0) + s3Puts + s3Month;
  return { currency: 'USD', web, worker: processing, s3Puts, s3Month, total };
}

function findHeadroom(holds: (months: number) => boolean): number | null {
  if (!holds(0)) return 0;
  for (let months = 1; months <= 10 * monthsPerYear; months += 1) if (!holds(months)) return months - 1;
  return null;
}

function addMonths(from: string, months: number): string {
  const date = new Date(from);
  date.setUTCMonth(date.getUTCMonth() + months);
  return date.toISOString().slice(0, 10);
}
