import { databaseConnectionsPerProcess, partBytes, voteBatchesInFlightMax } from '../../src/limits.ts';
import { defaultPolicy } from '../lib/scaling-policy.ts';
import type { WorkerCapacity } from '../lib/worker-capacity.ts';
import type { Demand, Prices } from './inputs.ts';
import type { FixedSize, RateStep, RehearsalReport } from './rehearsal-schema.ts';
import { percent } from './units.ts';

export type Recommendation = ReturnType<typeof recommend>;

const templateMax = 3;
/** Where CPU or network is held: the rest is for what comes while an instance is on its way. */
const heldShare = 0.5;
const monthsPerYear = 12;

/**
 * What ops set, from what was measured. Rates of a share of a processor are carried over to a whole instance by CPU time per
 * request and byte, a straight line. Requests that come together cost less each, so there are two of them: what a request
 * costs where scaling holds an instance (half busy) is what instances are counted by, what it costs at the highest rate within
 * the objectives tells the most that one could do.
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
      (demand.peakRequestsPerSecond * load(months)) / (perInstance.requestsPerSecond * heldShare),
      (uploadsPerSecond * uploadBytes * load(months)) / (perInstance.networkBytesPerSecond * heldShare),
    );
  const cpuWhenNetworkIsFull = (perInstance.networkBytesPerSecond * perInstance.cpuSecondsPerByte) / vCpus;
  const cpuCannotFire = cpuWhenNetworkIsFull < heldShare;
  const uploadsDecide =
    (uploadsPerSecond * uploadBytes) / perInstance.networkBytesPerSecond >
    demand.peakRequestsPerSecond / perInstance.requestsPerSecond;
  const requestsAtHeldNetwork =
    (perInstance.networkBytesPerSecond * heldShare * (demand.peakRequestsPerSecond + uploadsPerSecond)) /
    Math.max(1, uploadsPerSecond * uploadBytes);
  const byRequests = cpuCannotFire && uploadsDecide;
  const requestsPerMinute = Math.floor(60 * Math.min(perInstance.requestsPerSecond * heldShare, requestsAtHeldNetwork));
  const connections = vCpus * (databaseConnectionsPerProcess + voteBatchesInFlightMax);
  const headroomMonths = findHeadroom((months) => needed(months) <= templateMax);
  return {
    measuredAt: report.startedAt,
    verdict: report.judgement.verdict,
    instanceType: demand.instanceType,
    perInstance: { ...perInstance, cpuShareWhenNetworkIsFull: cpuWhenNetworkIsFull },
    scaling: {
      metric: byRequests ? 'ALBRequestCountPerTarget' : 'ASGAverageCPUUtilization',
      target: byRequests ? requestsPerMinute : heldShare * 100,
      why: byRequests
        ? `uploads fill the network at ${percent(cpuWhenNetworkIsFull)} CPU: an alarm at ${percent(heldShare)} CPU would never go off`
        : `requests fill the CPU first${cpuCannotFire ? `; were there uploads alone, the network would be full at ${percent(cpuWhenNetworkIsFull)} CPU and this alarm would never go off` : ''}`,
      requestsPerTargetAndMinute: requestsPerMinute,
      requestsPerMinuteByCpu: Math.floor(60 * perInstance.requestsPerSecond * heldShare),
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

function describeInstance({ uploads }: RehearsalReport, one: FixedSize, type: Prices['instanceTypes'][string]) {
  const { web: leastCpuUsPerRequest } = one.cpuUsPerRequest;
  const { web: cpuUsPerRequest, database: databaseUsPerRequest } =
    findHeldRate(one)?.cpuUsPerRequest ?? one.cpuUsPerRequest;
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
    saturatesOn: byCpu < networkBytesPerSecond ? 'CPU, by requests and uploads' : 'CPU by requests, network by uploads',
  };
}

/** The one that was tried nearest to where the CPU is half busy. */
function findHeldRate({ rates }: FixedSize): RateStep | undefined {
  const distance = ({ cpuShare }: RateStep) => Math.abs(cpuShare - heldShare);
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

/** A credit is a vCPU at full speed for a minute; a new instance of the t3 family begins with none to speak of. */
function describeBurst(
  name: string,
  {
    baselineSharePerVcpu,
    creditsPerHour,
    vCpus,
    networkBaselineGbps,
    networkBurstGbps,
  }: Prices['instanceTypes'][string],
): string {
  if (creditsPerHour === null) return `${name} is not burstable`;
  const hoursOfCredits = (creditsPerHour * 24) / (vCpus * (1 - baselineSharePerVcpu) * 60);
  return (
    `${name} earns ${creditsPerHour} CPU credits an hour: for ever it has ${percent(baselineSharePerVcpu)} of each vCPU, beyond that it spends credits ` +
    `(a full day's worth lasts ${hoursOfCredits.toFixed(1)} h at full load) or, unlimited, money; its network has ${networkBaselineGbps} Gbit/s for ever and up to ${networkBurstGbps} for minutes. ` +
    `An alarm at 50 % CPU stands above the baseline of ${percent(baselineSharePerVcpu)}: an instance held there lives on credits`
  );
}

function costUploads(
  demand: Demand,
  prices: Prices,
  type: Prices['instanceTypes'][string],
  { uploadBytesPerSecond }: ReturnType<typeof describeInstance>,
  worker: WorkerCapacity | undefined,
) {
  const uploads = 1_000;
  const bytes = demand.uploadMegabytes * 1e6;
  // Create, a part each, complete; and the clip and its picture.
  const puts = 2 + Math.ceil(bytes / partBytes) + 2;
  const web = ((uploads * bytes) / (uploadBytesPerSecond * heldShare) / 3600) * type.hour;
  // A worker that is never idle has spent its credits: what it uses above its baseline is paid for.
  const surplusVcpus = type.vCpus * (1 - type.baselineSharePerVcpu);
  const workerHour = type.hour + surplusVcpus * type.surplusVcpuHour;
  const processing = worker === undefined ? null : (uploads / worker.videosPerMinute / 60) * workerHour;
  const s3Puts = ((uploads * puts) / 1_000) * prices.s3.putsPer1000;
  const s3Month = ((uploads * bytes) / 1e9) * prices.s3.gigabyteMonth;
  return {
    currency: 'USD',
    web,
    worker: processing,
    s3Puts,
    s3Month,
    total: web + (processing ?? 0) + s3Puts + s3Month,
  };
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
