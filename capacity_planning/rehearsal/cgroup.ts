import { openCgroup } from '../../scripts/lib/cgroup.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

export type CpuShare = ReturnType<typeof openCpuShare>;

/** The quota is as short as the kernel allows: a group that has used it up stands still until the period ends. */
const quotaUs = 1_000;
const longestPeriodUs = 1_000_000;
const looseFactor = 8;

/** Makes a control group that is limited to `share` of one processor. */
export function openCpuShare(name: string, share: number) {
  const periodUs = Math.round(quotaUs / share);
  if (periodUs > longestPeriodUs)
    throw new UserError(`Expected a share of at least 0.001 of a processor, got ${share}.`);
  const { add, limit, usedSeconds, remove } = openCgroup(name);
  limit(quotaUs, periodUs);
  return {
    add,
    usedSeconds,
    remove,
    /** Gives the group several times its share, but not the whole machine, on which other instances are measured. */
    loosen: () => limit(quotaUs * looseFactor, periodUs),
    /** Sets the limit back to the share. */
    tighten: () => limit(quotaUs, periodUs),
  };
}
