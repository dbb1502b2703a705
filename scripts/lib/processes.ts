import { readdirSync, readFileSync } from 'node:fs';

/** A pid may be reused after its process has ended. Together with the start time it identifies one process. */
export interface ProcessIdentity {
  pid: number;
  startTicks: string;
}

/** Fields of `/proc/PID/stat`. */
export interface ProcessStat extends ProcessIdentity {
  /** `Z` for a process that has ended and was not waited for. */
  state: string;
  parent: number;
  group: number;
  /** User and system CPU time, including ended children. */
  cpuTicks: number;
  residentPages: number;
}

/** Returns undefined if the process has ended. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat.state === 'Z' ? undefined : { pid, startTicks: stat.startTicks };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** Returns all processes of the machine. */
export function listProcesses(): ProcessStat[] {
  return listPids()
    .map(readStat)
    .filter((stat) => stat !== undefined);
}

/** Returns the given processes and all their descendants. */
export function listTrees(roots: readonly number[]): ProcessStat[] {
  const all = listProcesses();
  const withChildren = (root: ProcessStat): ProcessStat[] => [
    root,
    ...all.filter(({ parent }) => parent === root.pid).flatMap(withChildren),
  ];
  return all.filter(({ pid }) => roots.includes(pid)).flatMap(withChildren);
}

/** Returns every process whose environment has `NAME=value`, which children inherit. */
export function findByEnvironment(name: string, value: string): { pid: number; command: string }[] {
  const mark = `${name}=${value}`;
  return listPids()
    .filter((pid) => pid !== process.pid && readProc(pid, 'environ')?.split('\0').includes(mark))
    .filter((pid) => identify(pid) !== undefined)
    .map((pid) => ({ pid, command: (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim() }));
}

/** Sends a signal. A process that has ended already is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function listPids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function readStat(pid: number): ProcessStat | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The command's name is in parentheses and may contain spaces, so fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = '', parent, group] = fields;
  const cpuTicks = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  return {
    pid,
    state,
    parent: Number(parent),
    group: Number(group),
    cpuTicks,
    startTicks: fields[19] ?? '',
    residentPages: Number(fields[21]),
  };
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
