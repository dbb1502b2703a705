import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { toolErrorTailBytes, toolOutputMaxBytes } from './limits.ts';
import type { ToolBounds } from './tool-limits.ts';
import { findShortage, type Shortage, shortageByCode, shortageBySignal } from './tool-shortage.ts';
import { watchTool } from './tool-watch.ts';

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  /** The job's folder, in which the tool runs and to which alone it may write. */
  readonly folder: string;
  /** The maximum wall-clock time of the run. */
  readonly wallMs: number;
  /** The watch kills the tool when its processes together exceed these. */
  readonly bounds?: ToolBounds | undefined;
  /** Sent to the command on descriptor 3. */
  readonly filter?: Uint8Array | undefined;
  readonly signal: AbortSignal;
  /** The process leads its own process group: signal -pid to end it with all its children. */
  readonly onStart?: (pid: number) => void;
  readonly onOutput?: (chunk: string) => void;
}

export interface ToolResult {
  readonly code: number;
  readonly output: string;
  /** The end of its standard error. */
  readonly errors: string;
}

/**
 * The complete environment of a tool. By default each of FFmpeg's many threads has its own malloc arena, whose free memory no other
 * thread can use. One arena saves that memory.
 */
export const toolEnvironment = { MALLOC_ARENA_MAX: '1' } as const;

/**
 * The tool ended without a result for the file: it was killed, it timed out, or the machine lacked the resource that `shortage` names.
 * The job is retried a bounded number of times. The message ends with the last lines of the tool's standard error.
 */
export class ProcessCrashedError extends Error {
  readonly shortage: Shortage | undefined;

  constructor(message: string, shortage?: Shortage) {
    super(message);
    this.name = 'ProcessCrashedError';
    this.shortage = shortage;
  }
}

/**
 * Runs a tool. Resolves when it has ended by itself with a result for its input, with any exit code. Rejects with ProcessCrashedError
 * when it was killed, timed out or lacked a resource. When the promise settles, no process of the tool is left.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  run.signal.throwIfAborted();
  const child = startTool(run);
  const { pid } = child;
  if (pid !== undefined) run.onStart?.(pid);
  const output = collect(child.stdout, toolOutputMaxBytes, 'head', run.onOutput);
  const errors = collect(child.stderr, toolErrorTailBytes, 'tail');
  let killedFor: { message: string; shortage?: Shortage } | undefined;
  const kill = () => killGroup(pid);
  const timer = setTimeout(() => {
    killedFor = { message: `Expected the tool to end within ${run.wallMs} ms, killed it` };
    kill();
  }, run.wallMs);
  const endWatch = startWatch(run, pid, (shortage) => {
    killedFor = { message: `Expected the tool to stay within its bounds, got more ${shortage}, killed it`, shortage };
    kill();
  });
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    const { code, signal } = await ended(child);
    run.signal.throwIfAborted();
    if (killedFor !== undefined)
      throw new ProcessCrashedError(withLastLines(killedFor.message, errors()), killedFor.shortage);
    return readResult(code, signal, output(), errors());
  } finally {
    clearTimeout(timer);
    endWatch();
    run.signal.removeEventListener('abort', kill);
    kill();
  }
}

function startTool(run: ToolRun): ChildProcessByStdio<null, Readable, Readable> {
  const options = { cwd: run.folder, env: toolEnvironment, detached: true };
  try {
    if (run.filter === undefined)
      return spawn(run.command, run.args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const child = spawn(run.command, run.args, { ...options, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    const input = child.stdio[3] as Writable | undefined;
    // A command that ends early is reported by its exit code.
    input?.on('error', () => undefined);
    input?.end(run.filter);
    return child as ChildProcessByStdio<null, Readable, Readable>;
  } catch (error) {
    throw crashOfSystemCall(error);
  }
}

function startWatch({ bounds }: ToolRun, pid: number | undefined, onExcess: (what: Shortage) => void): () => void {
  return bounds === undefined || pid === undefined ? () => undefined : watchTool(pid, bounds, onExcess);
}

/** Returns the result, or throws ProcessCrashedError. FFmpeg 5.1 ends with 0 even if the disk is full at the end of its output. */
function readResult(code: number | null, signal: string | null, output: string, errors: string): ToolResult {
  const endedBy = signal ?? signalBehind(code);
  const found = findShortage(errors);
  if (code === null || endedBy !== undefined) {
    const shortage = found?.shortage ?? shortageBySignal.get(endedBy ?? '');
    throw new ProcessCrashedError(withLastLines(`The tool was ended by ${endedBy}`, errors), shortage);
  }
  if (found !== undefined && (code !== 0 || found.shortage === 'disk')) {
    const message = `The machine lacked a resource (${found.shortage}): ${found.line.slice(0, 300)}`;
    throw new ProcessCrashedError(withLastLines(message, errors), found.shortage);
  }
  return { code, output, errors };
}

/** Precedes the last lines of a tool's standard error in messages. */
export const errorOutputLabel = 'its last output: ';

function withLastLines(message: string, errors: string): string {
  const lines = lastLines(errors);
  return lines === '' ? message : `${message}; ${errorOutputLabel}${lines}`;
}

/** Returns the last lines of a tool's standard error, joined into one line. */
export function lastLines(errors: string): string {
  return errors.trim().split('\n').slice(-4).join(' | ').slice(-800);
}

/** Converts the error of a failed system call to a ProcessCrashedError if its code names a shortage. */
function crashOfSystemCall(error: unknown): unknown {
  const shortage = shortageByCode.get((error as NodeJS.ErrnoException).code ?? '');
  return shortage === undefined ? error : new ProcessCrashedError(String(error), shortage);
}

/**
 * Returns the signal that an exit code stands for. The sandbox reports a signal that ended its child as 128 plus the signal's number.
 * Higher codes are FFmpeg's own: since version 7 it ends with the last byte of its error, for example 183 for invalid data.
 */
function signalBehind(code: number | null): string | undefined {
  if (code === null || code <= 128 || code > 128 + lastOrdinarySignal) return undefined;
  return signalNames.get(code - 128) ?? `signal ${code - 128}`;
}

/** The last signal before the real-time signals, which are not sent unless a program asks for them. */
const lastOrdinarySignal = constants.signals.SIGSYS;
/** The first name of a number is the usual one: SIGABRT, not SIGIOT. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** Kills a process and all its children. Does nothing if they have ended. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(crashOfSystemCall(error)));
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}

/** Collects the first or the last `maxBytes` of a stream and drops the rest, because a hostile file may make it endless. */
function collect(
  stream: Readable,
  maxBytes: number,
  keep: 'head' | 'tail',
  onChunk?: (chunk: string) => void,
): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    if (onChunk !== undefined) onChunk(chunk);
    else if (keep === 'tail') text = (text + chunk).slice(-maxBytes);
    else if (text.length < maxBytes) text += chunk;
  });
  return () => text;
}
