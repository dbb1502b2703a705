import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './user-error.ts';

export interface Cgroup {
  /** Moves a running process with its threads into the group. Children that it starts later belong to the group as well. */
  add(pid: number): void;
  /** Returns the arguments with which `sh` enters the group and then runs the command. */
  enter(command: string, args: readonly string[]): string[];
  /** Limits the group to `quotaUs` of CPU time in each period. */
  limit(quotaUs: number, periodUs: number): void;
  /** Returns the user and system time of the group since it was made. */
  usedSeconds(): number;
  /** The kernel removes a group only when no process is in it. */
  remove(): void;
}

const root = '/sys/fs/cgroup';

/** Makes a control group of version 2 or 1. @throws UserError without the right to make one, which root has. */
export function openCgroup(name: string): Cgroup {
  const isVersion2 = existsSync(join(root, 'cgroup.controllers'));
  // Version 1 limits and counts in two hierarchies, which may be links to one folder.
  const [limiting = '', counting = limiting] = isVersion2
    ? [join(root, name)]
    : ['cpu', 'cpuacct'].map((controller) => join(root, controller, name));
  const folders = [...new Set([limiting, counting])];
  try {
    for (const folder of folders) if (!existsSync(folder)) mkdirSync(folder);
  } catch (error) {
    throw new UserError(`Expected the right to make a control group, got: ${(error as Error).message}. Run as root.`);
  }
  const enterFolders = folders.map((folder) => `echo $$ >"${join(folder, 'cgroup.procs')}"`).join(' && ');
  return {
    add(pid) {
      for (const folder of folders) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    },
    enter: (command, args) => ['-c', `${enterFolders} && exec "$@"`, 'sh', command, ...args],
    limit(quotaUs, periodUs) {
      if (isVersion2) {
        writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu');
        writeFileSync(join(limiting, 'cpu.max'), `${quotaUs} ${periodUs}`);
      } else {
        writeFileSync(join(limiting, 'cpu.cfs_period_us'), String(periodUs));
        writeFileSync(join(limiting, 'cpu.cfs_quota_us'), String(quotaUs));
      }
    },
    usedSeconds: () => (isVersion2 ? readVersion2Seconds(counting) : readVersion1Seconds(counting)),
    remove() {
      for (const folder of folders) if (existsSync(folder)) rmdirSync(folder);
    },
  };
}

function readVersion2Seconds(folder: string): number {
  return Number(/^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1e6;
}

function readVersion1Seconds(folder: string): number {
  return Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e9;
}
