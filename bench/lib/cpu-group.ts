import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Defer } from '../../scripts/lib/defer.ts';
import { runTool, type ToolResult } from '../../scripts/lib/run-tool.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface CpuGroup {
  /** A process that is there already, with what it will start. */
  add(pid: number): void;
  /** Runs a program to its end, all of it counted, from the first page of it that is loaded. */
  run(command: string, args: readonly string[], cwd: string): Promise<ToolResult>;
  /** User and system time since the group was made. */
  readSeconds(): number;
}

/**
 * Counts the CPU time of processes with all that descends from them, in a control group of the kernel (of either version).
 * The parent's account will not do: what bubblewrap shuts in is not waited for by it, and so never shows up there.
 */
export function openCpuGroup(defer: Defer): CpuGroup {
  const root = roots.find((path) => existsSync(join(path, 'cgroup.procs')));
  if (root === undefined) throw new UserError('Expected control groups in /sys/fs/cgroup, got none.');
  const folder = join(root, `bench-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch (error) {
    throw new UserError(`Expected to be allowed to make a control group (as root is), got: ${String(error)}`);
  }
  defer(() => rmdirSync(folder));
  const procs = join(folder, 'cgroup.procs');
  const enter = ['-c', `echo $$ >"${procs}" && exec "$@"`, 'sh'];
  return {
    run: (command, args, cwd) => runTool('sh', [...enter, command, ...args], { cwd }),
    add: (pid) => writeFileSync(procs, String(pid)),
    readSeconds: () => readSeconds(folder),
  };
}

const roots = ['/sys/fs/cgroup/cpuacct', '/sys/fs/cgroup'];

function readSeconds(folder: string): number {
  const nanoseconds = join(folder, 'cpuacct.usage');
  if (existsSync(nanoseconds)) return Number(readFileSync(nanoseconds, 'utf8')) / 1e9;
  const [, microseconds] = /^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8')) ?? [];
  return Number(microseconds) / 1e6;
}
