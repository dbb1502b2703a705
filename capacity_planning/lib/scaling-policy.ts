/** What target tracking does, in seconds, as AWS describes it: alarms on the average CPU of the group. */
export interface ScalingPolicy {
  targetShare: number;
  periodSeconds: number;
  breachingPeriodsOut: number;
  breachingPeriodsIn: number;
  /** Below this share of the target the alarm that takes instances away breaches. */
  lowShare: number;
  /** From an instance's start until it serves and counts. */
  warmUpSeconds: number;
  /** How long an instance that gets no new request may finish those it has. */
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

/** The alarms' memory: told once a period what the group did, it says how many instances there should be. */
export function createScaler(policy: ScalingPolicy) {
  let high = 0;
  let low = 0;
  return {
    /** `serving` made the average; `present` are those and the ones that still warm up, so that one breach starts none twice. */
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

/** How many instances keep each at its target, however many there may be. */
export function countNeeded(perSecond: number, capacityPerInstance: number, { targetShare }: ScalingPolicy): number {
  return Math.ceil(perSecond / (capacityPerInstance * targetShare) - 1e-9);
}

export function clampInstances(instances: number, { minInstances, maxInstances }: ScalingPolicy): number {
  return Math.min(maxInstances, Math.max(minInstances, instances));
}
