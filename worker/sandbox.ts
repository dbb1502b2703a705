import { constants } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../src/errors.ts';
import { findAsset } from './asset-files.ts';
import { errorOutputLabel, ProcessCrashedError, runTool } from './ffmpeg.ts';
import { toolFileMaxBytes, toolOpenFilesMax, toolStackBytes } from './limits.ts';
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
  /** The bounds that the watch of the tool's processes enforces. */
  readonly bounds?: ToolBounds | undefined;
  /** A seccomp filter, which the command reads from descriptor 3. */
  readonly filter?: Uint8Array | undefined;
}

/** Limits one run of a tool. */
export interface RunLimits {
  readonly cpuSeconds: number;
  /** By default the bounds for the largest picture. */
  readonly bounds?: ToolBounds | undefined;
  /** Names of the files that the tool writes. All other files of the folder are read-only. */
  readonly outputs?: readonly string[];
}

export interface Sandbox {
  readonly mode: SandboxMode;
  /** Whether a tool that a hostile file took over is confined. If not, limits and input guards are the only protection. */
  readonly isolates: boolean;
  /** Describes to the operator how the tools run. */
  readonly description: string;
  /** Explains why each preferred mode is not used. Undefined when the first mode works. */
  readonly warning: string | undefined;
  /** Returns the command that runs a tool in the job's folder. A confined tool sees the folder's files in /job. */
  wrap(folder: string, tool: string, args: readonly string[], limits: RunLimits): Command;
}

export interface SandboxOptions {
  /** Whether a worker may run tools when no mode isolates them. */
  readonly allowsUnsandboxed: boolean;
  /** Folders in which programs are searched, instead of those of PATH. */
  readonly places?: readonly string[];
  /** The modes to try. By default all. */
  readonly modes?: readonly SandboxMode[];
}

/**
 * Opens a sandbox for tools: no network, no files but the system's libraries and the job's, no access to other processes, no
 * capabilities, a system-call filter, and bounds on memory, CPU time, file size and processes. A tool ends with the thread that
 * started it. Each mode is tried with an encode, in a folder within `folder`, and the first that works is used. Rejects with
 * ConfigError when no mode isolates, unless `allowsUnsandboxed`, and when FFmpeg lacks a filter or an encoder.
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
  const [limiters, isolators] = await Promise.all([findLimiters(places), findIsolators(places)]);
  const reasons: string[] = [];
  for (const mode of modes) {
    if (mode === 'none') continue;
    const found = await tryMode(mode, tools, folder, limiters, isolators);
    if (typeof found !== 'string') return { ...found, warning: reasons.join('; ') || undefined };
    reasons.push(`${mode}: ${found}`);
  }
  if (limiters === undefined) reasons.push(noLimiters);
  if (!options.allowsUnsandboxed || !modes.includes('none')) throw new ConfigError(refusal(reasons));
  const sandbox = describe('none', createWrap({ limiters }));
  const failure = await tryOut(sandbox, tools, folder);
  if (failure === undefined) return { ...sandbox, warning: reasons.join('; ') };
  throw new ConfigError(`Expected ${tools.ffmpeg} to scale with zscale and encode with libx264, got: ${failure}`);
}

const noLimiters = 'prlimit and setpriv (util-linux) are not installed';

function refusal(reasons: readonly string[]): string {
  return (
    'Cannot start: Expected a sandbox for FFmpeg, got none. Install bubblewrap (apt-get install bubblewrap; on Ubuntu 24.04 load ' +
    'worker/assets/bwrap.apparmor as well), or set ALLOW_UNSANDBOXED=on to run FFmpeg with the rights of the worker. ' +
    `Tried ${reasons.join('; ')}.`
  );
}

/** Resolves to the sandbox, or to the reason why it cannot be used. */
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
  const options = { limiters, isolation, filter, tools };
  const countsTasks = await countsOwnTasks(createWrap({ ...options, countsTasks: true }), folder);
  const sandbox = describe(mode, createWrap({ ...options, countsTasks }));
  return (await tryOut(sandbox, tools, folder)) ?? sandbox;
}

function describe(mode: SandboxMode, wrap: Sandbox['wrap']): Omit<Sandbox, 'warning'> {
  return { mode, isolates: mode !== 'none', description: modeDescriptions[mode], wrap };
}

interface Limiters {
  readonly setpriv: string;
  readonly prlimit: string;
}

interface WrapOptions {
  readonly limiters: Limiters | undefined;
  readonly isolation?: Isolation;
  readonly filter?: Uint8Array;
  readonly tools?: Tools;
  readonly countsTasks?: boolean;
}

/**
 * Returns the function that puts limits and isolation before a tool's command line. RLIMIT_DATA bounds private writable memory:
 * FFmpeg's buffers and a few MiB per thread. RLIMIT_AS would also count reserved addresses. RLIMIT_NPROC counts all threads of the
 * user, but in a user namespace only those inside. It is therefore set inside, and only if `countsTasks`.
 */
function createWrap({ limiters, isolation, filter, tools, countsTasks = false }: WrapOptions): Sandbox['wrap'] {
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
 * Returns whether RLIMIT_NPROC, set inside the sandbox, counts only the tool's own processes. Before Linux 5.14, or for a user that
 * has other processes, it counts those as well. This process has more threads than the bound of this trial.
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

/** Makes a small encode and starts ffprobe. Resolves to undefined on success, else to the failure. */
async function tryOut(sandbox: Pick<Sandbox, 'wrap'>, tools: Tools, folder: string): Promise<string | undefined> {
  const source = ['-f', 'lavfi', '-i', 'color=c=black:s=64x64:d=0.1:r=10'];
  const graph = ['-filter_complex', '[0:v]zscale=w=32:h=32,split[a][b];[a][b]overlay', '-c:v', 'libx264'];
  const encode = ['-v', 'error', '-nostdin', '-y', ...source, ...graph, '-f', 'mp4', trialFile];
  for (const [tool, args] of [[tools.ffmpeg, encode] as const, [tools.ffprobe, ['-version']] as const]) {
    const limits = { cpuSeconds: trialCpuSeconds, outputs: [trialFile] };
    const failure = await runOnce(() => sandbox.wrap(folder, tool, args, limits), folder);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

const trialFile = 'trial.mp4';

/** Resolves to undefined when the command ends with 0, else to the failure. `makeCommand` may fail as well, in chown for example. */
async function runOnce(makeCommand: () => Command, folder: string): Promise<string | undefined> {
  try {
    const signal = new AbortController().signal;
    const { code, errors } = await runTool({ ...makeCommand(), folder, wallMs: trialWallMs, signal });
    return code === 0 ? undefined : (lastLine(errors) ?? `exit code ${code}`);
  } catch (error) {
    return error instanceof ProcessCrashedError ? (error.message.split(errorOutputLabel).at(-1) ?? '') : String(error);
  }
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1) || undefined;
}
