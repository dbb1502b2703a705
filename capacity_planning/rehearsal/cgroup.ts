import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface CpuShare {
  /** Takes a process in, with all the threads it has. */
  add(pid: number): void;
  /** Until it is held again it has several times its share: not all of the machine, which others are measured on. */
  loosen(): void;
  hold(): void;
  /** CPU time that the group used so far. */
  usedSeconds(): number;
  /** Only once nobody is in it. */
  remove(): void;
}

const root = '/sys/fs/cgroup';
/** As short as the kernel takes it: who has used up its share stands still until the period is over. */
const quotaUs = 1_000;
const longestPeriodUs = 1_000_000;
const looseFactor = 8;

/** A group held to `share` of one processor, by control groups of version 2 or 1; needs the right to make them. */
export function openCpuShare(name: string, share: number): CpuShare {
  const periodUs = Math.round(quotaUs / share);
  if (periodUs > longestPeriodUs)
    throw new UserError(`Expected a share of at least 0.001 of a processor, got ${share}.`);
  try {
    return existsSync(join(root, 'cgroup.controllers')) ? openVersion2(name, periodUs) : openVersion1(name, periodUs);
  } catch (cause) {
    throw new UserError(`Expected to be allowed to make a control group: run as root. ${(cause as Error).message}`);
  }
}

function openVersion2(name: string, periodUs: number): CpuShare {
  const folder = join(root, name);
  writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu');
  mkdirSync(folder);
  const limit = (quota: number) => writeFileSync(join(folder, 'cpu.max'), `${quota} ${periodUs}`);
  limit(quotaUs);
  return {
    loosen: () => limit(quotaUs * looseFactor),
    hold: () => limit(quotaUs),
    add: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    usedSeconds: () => Number(/^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1e6,
    remove: () => rmdirSync(folder),
  };
}

/** Version 1 holds and counts in two places, which may be one. */
function openVersion1(name: string, periodUs: number): CpuShare {
  const folders = [...new Set(['cpu', 'cpuacct'].map((controller) => join(root, controller, name)))];
  for (const folder of folders) if (!existsSync(folder)) mkdirSync(folder);
  const [holding = '', counting = ''] = ['cpu', 'cpuacct'].map((controller) => join(root, controller, name));
  writeFileSync(join(holding, 'cpu.cfs_period_us'), String(periodUs));
  const limit = (quota: number) => writeFileSync(join(holding, 'cpu.cfs_quota_us'), String(quota));
  limit(quotaUs);
  return {
    loosen: () => limit(quotaUs * looseFactor),
    hold: () => limit(quotaUs),
    add: (pid) => {
      for (const folder of folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    },
    usedSeconds: () => Number(readFileSync(join(counting, 'cpuacct.usage'), 'utf8')) / 1e9,
    remove: () => {
      for (const folder of folders) if (existsSync(folder)) rmdirSync(folder);
    },
  };
}
