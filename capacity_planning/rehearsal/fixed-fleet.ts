import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../k6/engine/random.ts';
import { readCpuSeconds } from '../../scripts/lib/process-cost.ts';
import { median } from '../../scripts/lib/statistics.ts';
import { listPoints } from '../lib/load-points.ts';
import type { CapacityReport, Step } from '../lib/report-schema.ts';
import { readSlo } from '../lib/slo.ts';
import { predictFromHalf } from '../lib/usl.ts';
import { startCpuMeter } from './cpu-meter.ts';
import { votesOfClosedLoops } from './dataset.ts';
import type { FixedSize, RateStep } from './rehearsal-schema.ts';
import type { TestContext } from './testbed.ts';

const halfShare = 0.5;

export interface Knee {
  result: FixedSize;
  /** The reports of the closed loops and of the arrivals. */
  reports: [CapacityReport, CapacityReport];
}

type Meter = ReturnType<typeof startCpuMeter>;

/**
 * Measures a fixed fleet of `count` instances. Closed loops with few and many users give the curve and its knee, which is a
 * prediction. Then arrivals at random times, at parts of that rate, measure what clients get.
 */
export async function findKnee(context: TestContext, count: number, one?: Knee): Promise<Knee> {
  const { fleet, balancer, databasePid, settings } = context;
  await fleet.growTo(count);
  const meter = startCpuMeter(() => ({
    web: fleet.instances.reduce((sum, { cpu }) => sum + cpu.usedSeconds(), 0),
    database: readCpuSeconds([databasePid]),
    balancer: readCpuSeconds([balancer.pid]),
  }));
  const curve = await loadWithUsers(context, count).catch(stopping(meter));
  const points = listPoints(curve.steps);
  await sleep(settings.knee.pauseSeconds * 1000);
  const most = Math.max(...points.map(({ perSecond }) => perSecond));
  const knee = curve.model?.knee ?? null;
  const perInstance = one === undefined ? (knee?.perSecond ?? most) : kneeOf(one.result);
  const arrivals = await loadWithArrivals(context, count, perInstance).catch(stopping(meter));
  await meter.stop();
  const rates = mergeVisits(
    arrivals.steps
      .filter(({ phase }) => phase === 'measured')
      .map((step) => describeRate(step, arrivals, meter, settings.share * count)),
  );
  const half = predictFromHalf(points);
  const arrived = Math.max(...rates.map(({ completedPerSecond }) => completedPerSecond));
  return {
    reports: [curve, arrivals],
    result: {
      instances: count,
      share: settings.share,
      knee,
      rates,
      points: curve.model?.points ?? 0,
      rmsShare: curve.model?.rmsShare ?? null,
      atLeastPerSecond: Math.max(most, arrived),
      withinObjectivesPerSecond: findWithinObjectives(rates),
      efficiency: one === undefined ? 1 : compareThroughput(curve, count, one.reports[0]),
      halfPrediction: half === null ? null : { ...half, measured: Math.max(half.measured, arrived) },
      arrivedPerSecond: arrived,
      cpuUsPerRequest: findNearest(rates, findWithinObjectives(rates)).cpuUsPerRequest,
      halfCpuPerSecond: findHalfCpuRate(rates),
      busiestShare: meter.busiest() / (settings.share * count),
      verdict: arrivals.judgement.verdict,
      reasons: [
        ...curve.judgement.reasons
          .filter(({ rule }) => rule !== 'objective')
          .map((reason) => ({ ...reason, text: `closed loops: ${reason.text}` })),
        ...arrivals.judgement.reasons,
      ],
    },
  };
}

/** Returns the knee or, without one, the highest measured throughput. */
function kneeOf({ knee, atLeastPerSecond }: FixedSize): number {
  return knee?.perSecond ?? atLeastPerSecond;
}

/** Returns the throughput per instance relative to one instance, with the same users per instance; the mean over all loads. */
function compareThroughput(curve: CapacityReport, count: number, one: CapacityReport): number {
  const ofOne = new Map(listPoints(one.steps).map(({ load, perSecond }) => [load, perSecond]));
  const ratios = listPoints(curve.steps).flatMap(({ load, perSecond }) => {
    const single = ofOne.get(load / count);
    return single === undefined ? [] : [perSecond / count / single];
  });
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

function stopping({ stop }: Meter) {
  return async (error: unknown): Promise<never> => {
    await stop();
    throw error;
  };
}

async function loadWithUsers(context: TestContext, count: number): Promise<CapacityReport> {
  const { users, usersOfOne, thinkMs, passes, passesOfOne, passStepSeconds, passWarmUpSeconds } = context.settings.knee;
  const each = [...users, ...(count === 1 ? usersOfOne : [])].map((usersOfEach) => usersOfEach * count);
  const visits = count === 1 ? passesOfOne : passes;
  // The step with the most users comes first, because the warm-up runs with its users.
  const counts = repeat(
    [...each].sort((a, b) => b - a),
    visits,
  );
  context.say(`fixed fleet of ${count}: ${each.join(', ')} users at a time, ${visits} times each`);
  return context.load({
    name: `curve-of-${count}`,
    scenario: 'concurrency',
    env: {
      JOURNEY: 'public',
      CONCURRENCY: counts.join(),
      THINK_MS: String(thinkMs),
      DATASET: context.datasets.next(votesOfClosedLoops(passWarmUpSeconds + counts.length * passStepSeconds)).path,
      SECONDS: String(passStepSeconds),
      WARM_UP_SECONDS: String(passWarmUpSeconds),
      REST_SECONDS: '1',
    },
  });
}

/** Repeats the loads in random order, so that drift of the machine or of a table affects light and heavy loads alike. */
function repeat(values: readonly number[], times: number): number[] {
  const again = Array.from({ length: times - 1 }, (_, i) => shuffle(values, createRandom(i + 1)));
  return [values, ...again].flat();
}

function shuffle(values: readonly number[], random: () => number): number[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

async function loadWithArrivals(context: TestContext, count: number, perInstance: number): Promise<CapacityReport> {
  const { loads, loadsOfOne, visits, stepSeconds, warmUpSeconds } = context.settings.knee;
  const rates = [...loads, ...(count === 1 ? loadsOfOne : [])].map((load) =>
    Math.max(1, Math.round(load * count * perInstance)),
  );
  context.say(`fixed fleet of ${count}: ${rates.join(', ')} arrivals/s at random times, ${visits} times each`);
  return context.load({
    name: `arrivals-at-${count}`,
    scenario: 'ramp',
    arrivals: 'random',
    claims: [95],
    env: {
      JOURNEY: 'public',
      DATASET: context.datasets.next().path,
      RATES: repeat(rates, visits).join(),
      SECONDS: String(stepSeconds),
      WARM_UP_SECONDS: String(warmUpSeconds),
    },
  });
}

function describeRate(step: Step, { startedAt }: CapacityReport, meter: Meter, share: number): RateStep {
  const fromAt = Date.parse(startedAt) + step.startSeconds * 1000;
  const used = meter.between(fromAt, fromAt + step.seconds * 1000);
  const ended = Math.max(1, step.completedPerSecond * step.seconds);
  const perRequestUs = (name: keyof typeof used) => (used[name] / ended) * 1e6;
  return {
    offeredPerSecond: step.offeredPerSecond ?? 0,
    completedPerSecond: step.completedPerSecond,
    meanInFlight: step.meanInFlight,
    p95Ms: step.latencyMs?.p95 ?? 0,
    p99Ms: step.latencyMs?.p99 ?? 0,
    errorShare: step.errorShare,
    cpuShare: used.web / step.seconds / share,
    cpuUsPerRequest: {
      web: perRequestUs('web'),
      database: perRequestUs('database'),
      balancer: perRequestUs('balancer'),
    },
  };
}

/** Merges the steps of each rate into their medians, so that a single pause does not count. Sorted by rate. */
function mergeVisits(steps: readonly RateStep[]): RateStep[] {
  const offered = [...new Set(steps.map(({ offeredPerSecond }) => offeredPerSecond))].sort((a, b) => a - b);
  return offered.map((offeredPerSecond) => {
    const same = steps.filter((step) => step.offeredPerSecond === offeredPerSecond);
    const middle = (read: (step: RateStep) => number) => median(same.map(read));
    return {
      offeredPerSecond,
      completedPerSecond: middle((step) => step.completedPerSecond),
      meanInFlight: middle((step) => step.meanInFlight),
      p95Ms: middle((step) => step.p95Ms),
      p99Ms: middle((step) => step.p99Ms),
      errorShare: Math.max(...same.map((step) => step.errorShare)),
      cpuShare: middle((step) => step.cpuShare),
      cpuUsPerRequest: {
        web: middle((step) => step.cpuUsPerRequest.web),
        database: middle((step) => step.cpuUsPerRequest.database),
        balancer: middle((step) => step.cpuUsPerRequest.balancer),
      },
    };
  });
}

/** Returns the highest rate below the first one that broke an objective. Latencies are those of all routes together. */
function findWithinObjectives(rates: readonly RateStep[]): number {
  const { routes } = readSlo();
  const bounds = ['rankings', 'vote'].map((name) => routes[name]);
  const p95Ms = Math.min(...bounds.map((each) => each?.p95Ms ?? Number.POSITIVE_INFINITY));
  const p99Ms = Math.min(...bounds.map((each) => each?.p99Ms ?? Number.POSITIVE_INFINITY));
  const broken = rates.findIndex((rate) => rate.p95Ms > p95Ms || rate.p99Ms > p99Ms || rate.errorShare > 0.001);
  return rates[(broken < 0 ? rates.length : broken) - 1]?.offeredPerSecond ?? 0;
}

function findNearest(rates: readonly RateStep[], perSecond: number): RateStep {
  const distance = ({ completedPerSecond }: RateStep) => Math.abs(completedPerSecond - perSecond);
  return rates.reduce((best, rate) => (distance(rate) < distance(best) ? rate : best));
}

/** Interpolates between the last rate below 50 % CPU and the next one. */
function findHalfCpuRate(rates: readonly RateStep[]): number | null {
  const above = rates.findIndex(({ cpuShare }) => cpuShare >= halfShare);
  const b = rates[above];
  if (b === undefined) return null;
  const a = rates[above - 1] ?? { cpuShare: 0, completedPerSecond: 0 };
  const share = (halfShare - a.cpuShare) / (b.cpuShare - a.cpuShare);
  return a.completedPerSecond + (b.completedPerSecond - a.completedPerSecond) * share;
}
