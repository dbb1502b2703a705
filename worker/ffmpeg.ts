import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { toolErrorTailBytes, toolOutputMaxBytes } from '../src/limits.ts';
import type { ToolBounds } from './tool-limits.ts';
import { findShortage, type Shortage, shortageByCode, shortageBySignal } from './tool-shortage.ts';
import { watchTool } from './tool-watch.ts';

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  /** The job's folder: where the tool runs, and all it may write to. */
  readonly folder: string;
  /** By the clock on the wall, however little of the CPU it gets. */
  readonly wallMs: number;
  /** The watch ends the tool when its processes exceed these together. */
  readonly bounds?: ToolBounds | undefined;
  /** Sent to the command on descriptor 3. */
  readonly filter?: Uint8Array | undefined;
  readonly signal: AbortSignal;
  /** The process leads a group of its own: to end it with all its children, signal -pid. */
  readonly onStart?: (pid: number) => void;
  readonly onOutput?: (chunk: string) => void;
}

export interface ToolResult {
  readonly code: number;
  readonly output: string;
  /** The last of what it said on standard error. */
  readonly errors: string;
}

/**
 * The whole environment of a tool. Each thread would have an allocator of its own, which keeps memory that no other thread can
 * use: FFmpeg 7 has many threads.
 */
export const toolEnvironment = { MALLOC_ARENA_MAX: '1' } as const;

/**
 * The tool gave no verdict on the file: it was killed, ran out of time, or the machine was short of something, which
 * `shortage` names. Worth another try, but not many. The message ends with the tool's last words.
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
 * Resolves when the tool has ended by itself with a verdict on its input, whatever its code; rejects with ProcessCrashedError when it
 * had none. When this settles, no process of it is left.
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
    return readVerdict(code, signal, output(), errors());
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

/** A tool that could not write its result may still end with 0: FFmpeg 5.1 does when the disk is full at the end. */
function readVerdict(code: number | null, signal: string | null, output: string, errors: string): ToolResult {
  const endedBy = signal ?? signalBehind(code);
  const found = findShortage(errors);
  if (code === null || endedBy !== undefined) {
    const shortage = found?.shortage ?? shortageBySignal.get(endedBy ?? '');
    throw new ProcessCrashedError(withLastLines(`The tool was ended by ${endedBy}`, errors), shortage);
  }
  if (found !== undefined && (code !== 0 || found.shortage === 'disk')) {
    const message = `The machine was short of something (${found.shortage}): ${found.line.slice(0, 300)}`;
    throw new ProcessCrashedError(withLastLines(message, errors), found.shortage);
  }
  return { code, output, errors };
}

function withLastLines(message: string, errors: string): string {
  const lines = lastLines(errors);
  return lines === '' ? message : `${message}; its last words: ${lines}`;
}

/** The end of what a tool said on standard error, on one line. */
export function lastLines(errors: string): string {
  return errors.trim().split('\n').slice(-4).join(' | ').slice(-800);
}

/** Of a system call that failed: a shortage where its code says so, else the error itself. */
function crashOfSystemCall(error: unknown): unknown {
  const shortage = shortageByCode.get((error as NodeJS.ErrnoException).code ?? '');
  return shortage === undefined ? error : new ProcessCrashedError(String(error), shortage);
}

/**
 * The sandbox tells of a signal that ended its child by a code of 128 and the signal's number. Other codes as high are
 * FFmpeg's own: from version 7 on it ends with the last byte of its error, 183 for data that makes no sense.
 */
function signalBehind(code: number | null): string | undefined {
  if (code === null || code <= 128 || code > 128 + lastOrdinarySignal) return undefined;
  return signalNames.get(code - 128) ?? `signal ${code - 128}`;
}

/** Above are the real-time signals, which nobody sends unless a program asked for them. */
const lastOrdinarySignal = constants.signals.SIGSYS;
/** The first name of a number is the usual one: SIGABRT, not SIGIOT. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** Ends a process and everything it started. One that is gone already is as good. */
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

/** Keeps the first or the last `maxBytes` of what a hostile file may make endless; the rest is read and dropped. */
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
