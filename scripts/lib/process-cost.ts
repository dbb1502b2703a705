import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Linux counts CPU time in ticks of this length on every architecture there is Node for. */
const tickSeconds = 0.01;

/**
 * CPU seconds, user and system, of processes and all that descend from them, ended children included. Two readings bracket
 * what is measured; a tick is 10 ms, so bracket seconds.
 */
export function readCpuSeconds(pids: readonly number[]): number {
  const children = listChildren();
  const ofTree = (pid: number): number => {
    const stat = readStat(pid);
    if (stat === undefined) return 0;
    return stat.ticks + (children.get(pid) ?? []).reduce((sum, child) => sum + ofTree(child), 0);
  };
  return pids.reduce((sum, pid) => sum + ofTree(pid), 0) * tickSeconds;
}

/** Runs `work` and gives its result, how long it took and what CPU time the named groups of processes used meanwhile. */
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

/** Resident memory at its highest since the last `resetPeakMemory`, of these processes together (each at its own peak). */
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

function listChildren(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = readStat(Number(entry))?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  return children;
}

function readStat(pid: number): { parent: number; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name stands in parentheses and may hold spaces: fields are counted from behind it.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const ticks = [11, 12, 13, 14].reduce((sum, i) => sum + (fields[i] ?? 0), 0);
    return { parent: fields[1] ?? 0, ticks };
  } catch {
    return undefined;
  }
}
