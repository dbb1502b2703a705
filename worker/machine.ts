import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

/** The cores and the memory that the worker's process may use. */
export interface Machine {
  readonly cores: number;
  /** The machine's memory or the least limit of the control groups that the process is in. */
  readonly memoryBytes: number;
}

/** Returns the machine's cores and memory. `cores` and `memoryMiB` are settings that override them unless they are 0. */
export function readMachine({ cores, memoryMiB }: { cores: number; memoryMiB: number }): Machine {
  const limitBytes = memoryMiB > 0 ? memoryMiB * 1024 * 1024 : readMemoryLimit('/');
  return {
    cores: cores > 0 ? cores : availableParallelism(),
    memoryBytes: Math.min(totalmem(), limitBytes ?? Number.POSITIVE_INFINITY),
  };
}

/**
 * Returns the least memory limit of the process's control group and of those above it, of version 1 or 2; undefined where
 * there is none. `root` holds `proc` and `sys`. A container of version 1 sees the host's path in /proc, but its own group at
 * the mount's top: groups that do not exist are skipped.
 */
export function readMemoryLimit(root: string): number | undefined {
  const groups = readText(join(root, 'proc/self/cgroup')) ?? '';
  const limits: number[] = [];
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') limits.push(...readLimits(join(root, 'sys/fs/cgroup'), path, 'memory.max'));
    if (controllers?.split(',').includes('memory')) {
      limits.push(...readLimits(join(root, 'sys/fs/cgroup/memory'), path, 'memory.limit_in_bytes'));
    }
  }
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** Returns the limits of a group and of those above it. `max`, and its number in version 1, exceed any machine's memory. */
function readLimits(mount: string, path: string, file: string): number[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  const folders = [mount, ...names.map((_, i) => join(mount, ...names.slice(0, i + 1)))];
  return folders
    .map((folder) => Number(readText(join(folder, file))?.trim() || Number.NaN))
    .filter((bytes) => bytes > 0 && bytes < Number.MAX_SAFE_INTEGER);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
