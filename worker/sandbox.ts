import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../src/errors.ts';
import { toolFileMaxBytes, toolOpenFilesMax, toolStackBytes } from '../src/limits.ts';
import { findAsset } from './asset-files.ts';
import { ProcessCrashedError, runTool } from './ffmpeg.ts';
import { jobBinds, systemBinds } from './sandbox-binds.ts';
import {
  type Isolation,
  type Isolators,
  modeDescriptions,
  openIsolation,
  type SandboxMode,
  sandboxModes,
} from './sandbox-modes.ts';
import { systemCallFilter } from './system-call-filter.ts';
import { readArchitecture } from './system-calls.ts';
import { largestBounds, type ToolBounds } from './tool-limits.ts';
import type { Tools } from './tools.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** For the watch over the tool's processes. */
  readonly bounds?: ToolBounds | undefined;
  /** A seccomp filter, which the command reads from descriptor 3. */
  readonly filter?: Uint8Array | undefined;
}

/** What one run of a tool may use. */
export interface RunLimits {
  readonly cpuSeconds: number;
  /** By default what the largest picture needs. */
  readonly bounds?: ToolBounds | undefined;
  /** Names of the files that the tool writes. All else in the folder can only be read. */
  readonly outputs?: readonly string[];
}

export interface Sandbox {
  readonly mode: SandboxMode;
  /** Whether a hostile file that took over the tool is confined; without, limits and the input guards are the only protection. */
  readonly isolates: boolean;
  /** How the tools run, for the operator. */
  readonly description: string;
  /** Why each mode that would be preferred was not used. Undefined where the first one works. */
  readonly warning: string | undefined;
  /** `folder` is the job's. When confined, a tool sees its files as /job, and nothing else of ours. */
  wrap(folder: string, tool: string, args: readonly string[], limits: RunLimits): Command;
}

export interface SandboxOptions {
  /** Whether a worker may run tools where nothing isolates them. */
  readonly allowsUnsandboxed: boolean;
  /** Folders in which the programs are looked for, whatever the PATH says. */
  readonly places?: readonly string[];
  /** To try these alone. */
  readonly modes?: readonly SandboxMode[];
}

/**
 * Confines a tool: no network, no files but the system's libraries and the job's, no other process in sight, no capability, a
 * filter of system calls, and bounds on memory, CPU time, file size and processes. It ends with the thread that started it,
 * whatever ends that. Each mode is tried with an encode, in a folder within `folder`, and the first that works is used.
 * Rejects with ConfigError when none isolates, unless `allowsUnsandboxed`, and when FFmpeg cannot do what the edit needs.
 */
export async function openSandbox(tools: Tools, folder: string, options: SandboxOptions): Promise<Sandbox> {
  const trialFolder = await mkdtemp(join(folder, 'sandbox-trial-'));
  try {
    return await chooseMode(tools, trialFolder, options);
  } finally {
    await rm(trialFolder, { recursive: true, force: true });
  }
}

async function chooseMode(tools: Tools, folder: string, options: SandboxOptions): Promise<Sandbox> {
  const { places = programFolders, modes = sandboxModes } = options;
  const limiters = await findLimiters(places);
  const reasons: string[] = [];
  for (const mode of modes) {
    if (mode === 'none') continue;
    const found = await tryMode(mode, tools, folder, limiters, await findIsolators(places));
    if (typeof found !== 'string') return { ...found, warning: reasons.join('; ') || undefined };
    reasons.push(`${mode}: ${found}`);
  }
  if (limiters === undefined) reasons.push(noLimiters);
  if (!options.allowsUnsandboxed || !modes.includes('none')) throw new ConfigError(refusal(reasons));
  const sandbox = describe('none', wrapper({ limiters }));
  const fault = await tryOut(sandbox, tools, folder);
  if (fault === undefined) return { ...sandbox, warning: reasons.join('; ') };
  throw new ConfigError(`Expected ${tools.ffmpeg} to scale with zscale and encode with libx264, got: ${fault}`);
}

const noLimiters = 'prlimit and setpriv (util-linux) are not installed';

function refusal(reasons: readonly string[]): string {
  return (
    'Cannot start: Expected a sandbox for FFmpeg, got none. Install bubblewrap (apt-get install bubblewrap; on Ubuntu 24.04 load ' +
    'worker/assets/bwrap.apparmor as well), or set ALLOW_UNSANDBOXED=on to run FFmpeg with the rights of the worker. ' +
    `Tried ${reasons.join('; ')}.`
  );
}

/** Returns the sandbox, or why it cannot be used. */
async function tryMode(
  mode: Exclude<SandboxMode, 'none'>,
  tools: Tools,
  folder: string,
  limiters: Limiters | undefined,
  isolators: Isolators | undefined,
): Promise<Omit<Sandbox, 'warning'> | string> {
  if (isolators === undefined) return `the system calls of ${process.platform} on ${process.arch} are not known`;
  if (limiters === undefined) return noLimiters;
  const isolation = openIsolation(mode, isolators);
  if (typeof isolation === 'string') return isolation;
  const filter = systemCallFilter(isolators.architecture);
  const parts = { limiters, isolation, filter, tools };
  const countsTasks = await countsOwnTasks(wrapper({ ...parts, countsTasks: true }), folder);
  const sandbox = describe(mode, wrapper({ ...parts, countsTasks }));
  return (await tryOut(sandbox, tools, folder)) ?? sandbox;
}

function describe(mode: SandboxMode, wrap: Sandbox['wrap']): Omit<Sandbox, 'warning'> {
  return { mode, isolates: mode !== 'none', description: modeDescriptions[mode], wrap };
}

interface Limiters {
  readonly setpriv: string;
  readonly prlimit: string;
}

interface WrapperParts {
  readonly limiters: Limiters | undefined;
  readonly isolation?: Isolation;
  readonly filter?: Uint8Array;
  readonly tools?: Tools;
  readonly countsTasks?: boolean;
}

/**
 * Memory is bounded by RLIMIT_DATA: private memory that can be written, which is what FFmpeg holds and a few MiB for each
 * thread. RLIMIT_AS would count reserved addresses. RLIMIT_NPROC counts all threads of the user, except in a user namespace,
 * where it counts those inside: so it is set from within, and only where `countsTasks` says that it works.
 */
function wrapper({ limiters, isolation, filter, tools, countsTasks = false }: WrapperParts): Sandbox['wrap'] {
  const system = tools === undefined ? [] : systemBinds(tools);
  return (folder, tool, toolArgs, { cpuSeconds, bounds = largestBounds, outputs = [] }) => {
    const outer = limiters === undefined ? [] : [...outerLimits(limiters, bounds), `--cpu=${cpuSeconds}`, '--'];
    const prefix = isolation === undefined ? [] : isolation.prefix([...system, ...jobBinds(folder, outputs)]);
    const inner = limiters === undefined || !countsTasks ? [] : [limiters.prlimit, `--nproc=${bounds.tasksMax}`, '--'];
    const [command = tool, ...args] = [...outer, ...prefix, ...inner, tool, ...toolArgs];
    return { command, args, bounds, filter };
  };
}

function outerLimits({ setpriv, prlimit }: Limiters, { memoryBytes }: ToolBounds): readonly string[] {
  return [
    ...[setpriv, '--pdeathsig', 'KILL', '--', prlimit, `--data=${memoryBytes}`, `--stack=${toolStackBytes}`],
    ...[`--fsize=${toolFileMaxBytes}`, `--nofile=${toolOpenFilesMax}`, '--core=0'],
  ];
}

/**
 * Returns whether RLIMIT_NPROC, set inside, counts the tool's own processes alone. Before Linux 5.14, or for a user that has
 * other processes, it counts those, too. This process has more threads than the bound that is tried here.
 */
async function countsOwnTasks(wrap: Sandbox['wrap'], folder: string): Promise<boolean> {
  const few = { ...largestBounds, tasksMax: 6 };
  const limits = { cpuSeconds: trialCpuSeconds, bounds: few };
  return (await runOnce(() => wrap(folder, '/bin/sh', ['-c', '(:); :'], limits), folder)) === undefined;
}

const programFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

async function findLimiters(places: readonly string[]): Promise<Limiters | undefined> {
  const [setpriv, prlimit] = await Promise.all([find('setpriv', places), find('prlimit', places)]);
  return setpriv === undefined || prlimit === undefined ? undefined : { setpriv, prlimit };
}

async function findIsolators(places: readonly string[]): Promise<Isolators | undefined> {
  const architecture = readArchitecture();
  if (process.platform !== 'linux' || architecture === undefined) return undefined;
  const [bwrap, perl] = await Promise.all([find('bwrap', places), find('perl', places)]);
  return { bwrap, perl, launcher: findAsset('isolate.pl'), architecture, isRoot: process.geteuid?.() === 0 };
}

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

const trialCpuSeconds = 10;
const trialWallMs = 20_000;

/** Undefined when the smallest encode there is works and is written, and ffprobe starts. */
async function tryOut(sandbox: Pick<Sandbox, 'wrap'>, tools: Tools, folder: string): Promise<string | undefined> {
  const source = ['-f', 'lavfi', '-i', 'color=c=black:s=64x64:d=0.1:r=10'];
  const graph = ['-filter_complex', '[0:v]zscale=w=32:h=32,split[a][b];[a][b]overlay', '-c:v', 'libx264'];
  const encode = ['-v', 'error', '-nostdin', '-y', ...source, ...graph, '-f', 'mp4', trialFile];
  for (const [tool, args] of [[tools.ffmpeg, encode] as const, [tools.ffprobe, ['-version']] as const]) {
    const limits = { cpuSeconds: trialCpuSeconds, outputs: [trialFile] };
    const fault = await runOnce(() => sandbox.wrap(folder, tool, args, limits), folder);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const trialFile = 'trial.mp4';

/** Undefined when the command ends with 0. To make a command may fail as well, where an id cannot be had for example. */
async function runOnce(makeCommand: () => Command, folder: string): Promise<string | undefined> {
  try {
    const signal = new AbortController().signal;
    const { code, errors } = await runTool({ ...makeCommand(), folder, wallMs: trialWallMs, signal });
    return code === 0 ? undefined : (lastLine(errors) ?? `exit code ${code}`);
  } catch (error) {
    return error instanceof ProcessCrashedError
      ? (error.message.split('its last words: ').at(-1) ?? '')
      : String(error);
  }
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1) || undefined;
}
