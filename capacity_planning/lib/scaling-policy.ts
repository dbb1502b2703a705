/** A target tracking policy as AWS documents it, with alarms on the group's average CPU. Times are in seconds. */
export interface ScalingPolicy {
  targetShare: number;
  periodSeconds: number;
  breachingPeriodsOut: number;
  breachingPeriodsIn: number;
  /** The scale-in alarm breaches below this share of the target. */
  lowShare: number;
  /** The time from the start of an instance until it serves and its metrics count. */
  warmUpSeconds: number;
  /** How long a draining instance may complete its requests. */
  deregistrationSeconds: number;
  minInstances: number;
  maxInstances: number;
}

export const defaultPolicy: ScalingPolicy = {
  targetShare: 0.5,
  periodSeconds: 60,
  breachingPeriodsOut: 3,
  breachingPeriodsIn: 15,
  lowShare: 0.9,
  warmUpSeconds: 180,
  deregistrationSeconds: 930,
  minInstances: 1,
  maxInstances: 3,
};

/** Keeps the state of the alarms. `decide` takes the metrics of one period and returns the desired number of instances. */
export function createScaler(policy: ScalingPolicy) {
  let high = 0;
  let low = 0;
  return {
    /** `cpuShare` is the average of the `serving` instances. `present` includes instances that warm up, so that none is started twice. */
    decide({ serving, present, cpuShare }: { serving: number; present: number; cpuShare: number }): number {
      high = cpuShare > policy.targetShare ? high + 1 : 0;
      low = cpuShare < policy.targetShare * policy.lowShare ? low + 1 : 0;
      const wanted = clampInstances(Math.ceil(serving * (cpuShare / policy.targetShare) - 1e-9), policy);
      if (high >= policy.breachingPeriodsOut && wanted > present) return wanted;
      if (low < policy.breachingPeriodsIn || wanted >= serving) return present;
      low = 0;
      return wanted;
    },
  };
}

/** Returns how many instances keep each at its target, without the policy's limits. */
export function countNeeded(perSecond: number, capacityPerInstance: number, { targetShare }: ScalingPolicy): number {
  return Math.ceil(perSecond / (capacityPerInstance * targetShare) - 1e-9);
}

export function clampInstances(instances: number, { minInstances, maxInstances }: ScalingPolicy): number {
  return Math.min(maxInstances, Math.max(minInstances, instances));
}
