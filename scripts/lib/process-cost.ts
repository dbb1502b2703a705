import { readFileSync, writeFileSync } from 'node:fs';
import { listTrees } from './processes.ts';

/** Linux counts CPU time in ticks of this length on every architecture that Node.js supports. */
const tickSeconds = 0.01;

/**
 * Returns the CPU seconds, user and system, of processes and their descendants, ended children included. Measure the difference of two
 * readings over seconds: a tick is 10 ms.
 */
export function readCpuSeconds(pids: readonly number[]): number {
  return listTrees(pids).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) * tickSeconds;
}

/** Runs `work` and returns its result, its duration and the CPU time that each named group of processes used meanwhile. */
export async function measureCpu<N extends string, T>(
  groups: Readonly<Record<N, readonly number[]>>,
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; cpuSeconds: Record<N, number> }> {
  const names = Object.keys(groups) as N[];
  const read = () => names.map((name) => readCpuSeconds(groups[name]));
  const before = read();
  const startedAt = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = read();
  const cpuSeconds = Object.fromEntries(names.map((name, i) => [name, (after[i] ?? 0) - (before[i] ?? 0)]));
  return { result, seconds, cpuSeconds: cpuSeconds as Record<N, number> };
}

/** Returns the sum of the processes' peaks of resident memory since the last `resetPeakMemory`. */
export function readPeakMemoryMiB(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readStatusKiB(pid, 'VmHWM') / 1024, 0);
}

export function resetPeakMemory(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function readStatusKiB(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
}
