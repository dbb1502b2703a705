import { readdirSync, readFileSync } from 'node:fs';

/** A pid alone may have been given to somebody else since; with its start time it names one process for ever. */
export interface ProcessIdentity {
  pid: number;
  startTicks: string;
}

export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The command's name stands in parentheses and may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === 'Z' || startTicks === undefined ? undefined : { pid, startTicks };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** Every process whose environment holds `NAME=value`: a mark that children inherit however they were started. */
export function findByEnvironment(name: string, value: string): { pid: number; command: string }[] {
  const mark = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map(Number)
    .filter((pid) => readProc(pid, 'environ')?.split('\0').includes(mark) && identify(pid) !== undefined)
    .map((pid) => ({
      pid,
      command: (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim(),
    }));
}

/** Sends a signal; a process that is gone already is no fault. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
