/** What target tracking does, in minutes, as AWS describes it: alarms on the average CPU of the group. */
export interface ScalingLaw {
  targetShare: number;
  periodSeconds: number;
  breachingPeriodsOut: number;
  breachingPeriodsIn: number;
  /** Below this share of the target the alarm that takes instances away breaches. */
  lowShare: number;
  warmUpSeconds: number;
  minInstances: number;
  maxInstances: number;
}

export const defaultLaw: ScalingLaw = {
  targetShare: 0.5,
  periodSeconds: 60,
  breachingPeriodsOut: 3,
  breachingPeriodsIn: 15,
  lowShare: 0.9,
  warmUpSeconds: 180,
  minInstances: 1,
  maxInstances: 3,
};

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
export function simulate(law: ScalingLaw, { capacityPerInstance, offered, seconds }: Demand): Simulation {
  const readyAt: number[] = Array.from({ length: law.minInstances }, () => 0);
  const periods: Period[] = [];
  let high = 0;
  let low = 0;
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
    high = cpuShare > law.targetShare ? high + 1 : 0;
    low = cpuShare < law.targetShare * law.lowShare ? low + 1 : 0;
    const endsAt = second + law.periodSeconds;
    const wanted = clamp(Math.ceil(serving * (cpuShare / law.targetShare) - 1e-9), law);
    // Instances that are warming up count as there, so that one breach does not start them twice.
    if (high >= law.breachingPeriodsOut) while (readyAt.length < wanted) readyAt.push(endsAt + law.warmUpSeconds);
    if (low >= law.breachingPeriodsIn && wanted < serving) {
      readyAt.length = wanted;
      low = 0;
    }
  }
  return { periods, scaleOutSeconds: findScaleOut(law, periods, capacityPerInstance), mostInstances: mostOf(periods) };
}

function findScaleOut(law: ScalingLaw, periods: readonly Period[], capacity: number): number | null {
  const first = periods.find(({ cpuShare }) => cpuShare > law.targetShare);
  if (first === undefined) return null;
  const done = periods.find(({ second, serving, offeredPerSecond }) => {
    const needed = clamp(Math.ceil(offeredPerSecond / (capacity * law.targetShare) - 1e-9), law);
    return second > first.second && serving >= needed;
  });
  return done === undefined ? null : done.second - first.second;
}

function mostOf(periods: readonly Period[]): number {
  return periods.reduce((most, { serving, starting }) => Math.max(most, serving + starting), 0);
}

function clamp(instances: number, { minInstances, maxInstances }: ScalingLaw): number {
  return Math.min(maxInstances, Math.max(minInstances, instances));
}
