import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { toolFileMaxBytes, toolStackBytes } from '../src/limits.ts';
import { toolEnvironment } from './ffmpeg.ts';
import { largestBounds, type ToolBounds } from './tool-limits.ts';
import type { Tools } from './tools.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** For the watch over the tool's processes. */
  readonly bounds?: ToolBounds | undefined;
}

export interface Sandbox {
  /** Whether a hostile file that took over the tool is confined; without, limits and the input guards are the only protection. */
  readonly isolates: boolean;
  /** Why the sandbox does not isolate. */
  readonly warning: string | undefined;
  /**
   * `folder` is all the tool can write to, and, when confined, all it can read of ours. Without `bounds` the tool gets what the
   * largest picture needs.
   */
  wrap(folder: string, tool: string, args: readonly string[], cpuSeconds: number, bounds?: ToolBounds): Command;
}

/**
 * Confines a tool: no network, no files but the system's libraries and the job's folder, no other process in sight, and
 * bounds on memory, CPU time, file size and processes. It dies with the thread that started it, whatever ends that.
 * Tried with an encode at start: rejects when FFmpeg cannot do what the edit needs. Its programs are looked for in
 * `places`, whatever the PATH says.
 */
export async function openSandbox(
  tools: Tools,
  folder: string,
  places: readonly string[] = systemFolders,
): Promise<Sandbox> {
  const limiters = await findLimiters(places);
  const bwrap = await find('bwrap', places);
  const reasons: string[] = [];
  if (bwrap !== undefined) {
    const isolate = isolation(bwrap, tools);
    const countsTasks = await countsOwnTasks(limiters, isolate, folder);
    const sandbox = { isolates: true, warning: undefined, wrap: wrapper(limiters, isolate, countsTasks) };
    const fault = await tryOut(sandbox, tools, folder);
    if (fault === undefined) return sandbox;
    reasons.push(`bubblewrap does not work here (${fault})`);
  } else {
    reasons.push('bubblewrap is not installed');
  }
  if (limiters === undefined) reasons.push('prlimit and setpriv are not installed');
  const sandbox = { isolates: false, warning: reasons.join('; '), wrap: wrapper(limiters) };
  const fault = await tryOut(sandbox, tools, folder);
  if (fault === undefined) return sandbox;
  throw new ConfigError(`Expected ${tools.ffmpeg} to scale with zscale and encode with libx264, got: ${fault}`);
}

interface Limiters {
  readonly setpriv: string;
  readonly prlimit: string;
}

type Isolation = (folder: string) => readonly string[];

/**
 * Memory is bounded by RLIMIT_DATA: private memory that can be written, which is what FFmpeg holds and a few MiB for each
 * thread. RLIMIT_AS would count reserved addresses. RLIMIT_NPROC counts all threads of the user, except in a user namespace,
 * where it counts those inside: so it is set from within, and only where `countsTasks` says that it works.
 */
function wrapper(limiters?: Limiters, isolate: Isolation = () => [], countsTasks = false): Sandbox['wrap'] {
  return (folder, tool, args, cpuSeconds, bounds = largestBounds) => {
    const outer = limiters === undefined ? [] : [...outerLimits(limiters, bounds), `--cpu=${cpuSeconds}`, '--'];
    const inner = limiters === undefined || !countsTasks ? [] : [limiters.prlimit, `--nproc=${bounds.tasksMax}`, '--'];
    const [command = tool, ...rest] = [...outer, ...isolate(folder), ...inner, tool, ...args];
    return { command, args: rest, bounds };
  };
}

function outerLimits({ setpriv, prlimit }: Limiters, { memoryBytes }: ToolBounds): readonly string[] {
  return [
    ...[setpriv, '--pdeathsig', 'KILL', '--'],
    ...[prlimit, `--data=${memoryBytes}`, `--stack=${toolStackBytes}`, `--fsize=${toolFileMaxBytes}`, '--core=0'],
  ];
}

/**
 * Returns whether RLIMIT_NPROC, set inside, counts the tool's own processes alone. Before Linux 5.14, or without a user
 * namespace, it counts the user's other processes, too. This process has more threads than the bound that is tried here.
 */
async function countsOwnTasks(limiters: Limiters | undefined, isolate: Isolation, folder: string): Promise<boolean> {
  if (limiters === undefined) return false;
  const few = { ...largestBounds, tasksMax: 6 };
  const forks = wrapper(limiters, isolate, true)(folder, '/bin/sh', ['-c', '(:); :'], 10, few);
  return (await runOnce(forks, folder)) === undefined;
}

async function findLimiters(places: readonly string[]): Promise<Limiters | undefined> {
  const [setpriv, prlimit] = await Promise.all([find('setpriv', places), find('prlimit', places)]);
  return setpriv === undefined || prlimit === undefined ? undefined : { setpriv, prlimit };
}

function isolation(bwrap: string, tools: Tools): Isolation {
  const system = ['/usr', '/lib', '/lib32', '/lib64', '/bin', '/etc/alternatives', '/etc/ld.so.cache'];
  const programs = [tools.ffmpeg, tools.ffprobe].map(dirname).filter((path) => !/^\/(usr\/)?s?bin$/.test(path));
  return (folder) => [
    ...[bwrap, '--unshare-all', '--die-with-parent', '--cap-drop', 'ALL', '--clearenv'],
    ...Object.entries(toolEnvironment).flatMap(([name, value]) => ['--setenv', name, value]),
    // First, lest it cover a tool that lies there.
    ...['--tmpfs', '/tmp'],
    ...[...system, ...new Set(programs)].flatMap((path) => ['--ro-bind-try', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--bind', folder, '/job', '--chdir', '/job', '--'],
  ];
}

const systemFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

async function find(name: string, places: readonly string[]): Promise<string | undefined> {
  for (const folder of places) {
    const path = `${folder}/${name}`;
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Undefined when the smallest encode there is works, and ffprobe starts. */
async function tryOut(sandbox: Sandbox, tools: Tools, folder: string): Promise<string | undefined> {
  const source = ['-f', 'lavfi', '-i', 'color=c=black:s=64x64:d=0.1:r=10'];
  const graph = ['-filter_complex', '[0:v]zscale=w=32:h=32,split[a][b];[a][b]overlay', '-c:v', 'libx264'];
  const encode = ['-v', 'error', '-nostdin', ...source, ...graph, '-f', 'null', '-'];
  for (const [tool, args] of [[tools.ffmpeg, encode] as const, [tools.ffprobe, ['-version']] as const]) {
    const fault = await runOnce(sandbox.wrap(folder, tool, args, 10), folder);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Undefined when the command ends with 0. */
async function runOnce({ command, args }: Command, folder: string): Promise<string | undefined> {
  const options = { cwd: folder, env: toolEnvironment, timeout: 20_000 };
  return promisify(execFile)(command, [...args], options).then(() => undefined, lastLine);
}

function lastLine(error: unknown): string {
  const text = String((error as { stderr?: string }).stderr || error);
  return text.trim().split('\n').at(-1) ?? text;
}
