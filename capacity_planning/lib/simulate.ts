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
  /** From the first period above the target until as many serve as are needed; null where that never came. */
  scaleOutSeconds: number | null;
  mostInstances: number;
}

export interface Demand {
  capacityPerInstance: number;
  /** Offered per second, `second` after the start. */
  offered(second: number): number;
  seconds: number;
}

/** A pure model: every instance does the same, load spreads evenly, CPU grows in a line up to capacity. */
export function simulate(law: ScalingPolicy, { capacityPerInstance, offered, seconds }: Demand): Simulation {
  const readyAt: number[] = Array.from({ length: law.minInstances }, () => 0);
  const scaler = createScaler(law);
  const periods: Period[] = [];
  for (let second = 0; second < seconds; second += law.periodSeconds) {
    const serving = readyAt.filter((at) => at <= second).length;
    const offeredPerSecond = offered(second);
    const load = offeredPerSecond / (serving * capacityPerInstance);
    const cpuShare = Math.min(1, load);
    periods.push({
      ...{ second, offeredPerSecond, serving, cpuShare },
      starting: readyAt.length - serving,
      servedShare: Math.min(1, 1 / load),
    });
    const wanted = scaler.decide({ serving, present: readyAt.length, cpuShare });
    if (wanted < readyAt.length) readyAt.length = wanted;
    while (readyAt.length < wanted) readyAt.push(second + law.periodSeconds + law.warmUpSeconds);
  }
  return { periods, scaleOutSeconds: findScaleOut(law, periods, capacityPerInstance), mostInstances: mostOf(periods) };
}

function findScaleOut(law: ScalingPolicy, periods: readonly Period[], capacity: number): number | null {
  const first = periods.find(({ cpuShare }) => cpuShare > law.targetShare);
  if (first === undefined) return null;
  const done = periods.find(({ second, serving, offeredPerSecond }) => {
    const needed = clampInstances(countNeeded(offeredPerSecond, capacity, law), law);
    return second > first.second && serving >= needed;
  });
  return done === undefined ? null : done.second - first.second;
}

function mostOf(periods: readonly Period[]): number {
  return periods.reduce((most, { serving, starting }) => Math.max(most, serving + starting), 0);
}
