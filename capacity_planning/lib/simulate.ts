import { clampInstances, countNeeded, createScaler, type ScalingPolicy } from './scaling-policy.ts';

export interface Period {
  second: number;
  offeredPerSecond: number;
  serving: number;
  starting: number;
  cpuShare: number;
  servedShare: number;
}

export interface Simulation {
  periods: Period[];
  /** The time from the first period above the target until enough instances serve; null if they never did. */
  scaleOutSeconds: number | null;
  mostInstances: number;
}

export interface Demand {
  capacityPerInstance: number;
  /** Returns the offered rate at a second after the start. */
  offered(second: number): number;
  seconds: number;
}

/** A pure model: instances are equal, load is spread evenly, and CPU grows linearly up to the capacity. */
export function simulate(policy: ScalingPolicy, { capacityPerInstance, offered, seconds }: Demand): Simulation {
  const readyAt: number[] = Array.from({ length: policy.minInstances }, () => 0);
  const scaler = createScaler(policy);
  const periods: Period[] = [];
  for (let second = 0; second < seconds; second += policy.periodSeconds) {
    const serving = readyAt.filter((at) => at <= second).length;
    const offeredPerSecond = offered(second);
    const load = offeredPerSecond / (serving * capacityPerInstance);
    const cpuShare = Math.min(1, load);
    const [starting, servedShare] = [readyAt.length - serving, Math.min(1, 1 / load)];
    periods.push({ second, offeredPerSecond, serving, starting, cpuShare, servedShare });
    const wanted = scaler.decide({ serving, present: readyAt.length, cpuShare });
    if (wanted < readyAt.length) readyAt.length = wanted;
    while (readyAt.length < wanted) readyAt.push(second + policy.periodSeconds + policy.warmUpSeconds);
  }
  return {
    periods,
    scaleOutSeconds: findScaleOut(policy, periods, capacityPerInstance),
    mostInstances: mostOf(periods),
  };
}

function findScaleOut(policy: ScalingPolicy, periods: readonly Period[], capacity: number): number | null {
  const first = periods.find(({ cpuShare }) => cpuShare > policy.targetShare);
  if (first === undefined) return null;
  const done = periods.find(({ second, serving, offeredPerSecond }) => {
    const needed = clampInstances(countNeeded(offeredPerSecond, capacity, policy), policy);
    return second > first.second && serving >= needed;
  });
  return done === undefined ? null : done.second - first.second;
}

function mostOf(periods: readonly Period[]): number {
  return periods.reduce((most, { serving, starting }) => Math.max(most, serving + starting), 0);
}
