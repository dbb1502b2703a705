import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { toolFileMaxBytes, toolMemoryBytes, toolProcessesMax } from '../src/limits.ts';
import { toolEnvironment } from './ffmpeg.ts';
import type { Tools } from './tools.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

export interface Sandbox {
  /** Whether a hostile file that took over the tool is shut in; without, limits and the input guards are all there is. */
  readonly isolates: boolean;
  /** Why it does not isolate. */
  readonly warning: string | undefined;
  /** `folder` is all the tool can write to, and, when shut in, all it can read of ours. */
  wrap(folder: string, tool: string, args: readonly string[], cpuSeconds: number): Command;
}

/**
 * Shuts a tool in: no network, no files but the system's libraries and the job's folder, no other process in sight, and
 * bounds on memory, CPU time, file size and processes. It dies with the thread that started it, whatever ends that.
 * Tried out with an encode at start: rejects when FFmpeg cannot do what the edit needs. Its programs are looked for in
 * `places`, whatever the PATH says.
 */
export async function openSandbox(
  tools: Tools,
  folder: string,
  places: readonly string[] = systemFolders,
): Promise<Sandbox> {
  const plain = await findLimiters(places);
  const shut = await find('bwrap', places);
  const reasons: string[] = [];
  if (shut !== undefined) {
    const sandbox = { isolates: true, warning: undefined, wrap: wrapper(plain, isolation(shut, tools)) };
    const fault = await tryOut(sandbox, tools, folder);
    if (fault === undefined) return sandbox;
    reasons.push(`bubblewrap does not work here (${fault})`);
  } else {
    reasons.push('bubblewrap is not installed');
  }
  if (plain.length === 0) reasons.push('prlimit and setpriv are not installed');
  const sandbox = { isolates: false, warning: reasons.join('; '), wrap: wrapper(plain, () => []) };
  const fault = await tryOut(sandbox, tools, folder);
  if (fault === undefined) return sandbox;
  throw new ConfigError(`Expected ${tools.ffmpeg} to scale with zscale and encode with libx264, got: ${fault}`);
}

type Limiters = readonly string[];
type Isolation = (folder: string) => readonly string[];

function wrapper(limiters: Limiters, isolate: Isolation): Sandbox['wrap'] {
  return (folder, tool, args, cpuSeconds) => {
    const limited = limiters.length === 0 ? [] : [...limiters, `--cpu=${cpuSeconds}`, '--'];
    const [command = tool, ...rest] = [...limited, ...isolate(folder), tool, ...args];
    return { command, args: rest };
  };
}

async function findLimiters(places: readonly string[]): Promise<Limiters> {
  const [setpriv, prlimit] = await Promise.all([find('setpriv', places), find('prlimit', places)]);
  if (setpriv === undefined || prlimit === undefined) return [];
  return [
    ...[setpriv, '--pdeathsig', 'KILL', '--'],
    ...[prlimit, `--as=${toolMemoryBytes}`, `--fsize=${toolFileMaxBytes}`, `--nproc=${toolProcessesMax}`, '--core=0'],
  ];
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
    const run = sandbox.wrap(folder, tool, args, 10);
    const options = { cwd: folder, env: toolEnvironment, timeout: 20_000 };
    const fault = await promisify(execFile)(run.command, [...run.args], options).then(() => undefined, lastLine);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function lastLine(error: unknown): string {
  const text = String((error as { stderr?: string }).stderr || error);
  return text.trim().split('\n').at(-1) ?? text;
}
