import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { toolErrorTailBytes, toolOutputMaxBytes } from '../src/limits.ts';

export interface ToolRun {
  readonly command: string;
  readonly args: readonly string[];
  /** The job's folder: where the tool runs, and all it may write to. */
  readonly folder: string;
  /** By the clock on the wall, however little of the CPU it gets. */
  readonly wallMs: number;
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
 * All a tool gets to see. Each thread would reserve 64 MiB of addresses for an allocator of its own, and FFmpeg 7 has so
 * many threads that their bound is reached with little in use.
 */
export const toolEnvironment = { MALLOC_ARENA_MAX: '1' } as const;

/** The tool did not end by itself: killed, out of time, or out of memory. Worth another try, but not many. */
export class ToolCrashed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ToolCrashed';
  }
}

/** Resolves when the tool has ended by itself, whatever its code. When this settles, no process of it is left. */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  run.signal.throwIfAborted();
  const child = spawn(run.command, run.args, {
    cwd: run.folder,
    env: toolEnvironment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) run.onStart?.(pid);
  const output = collect(child.stdout, toolOutputMaxBytes, 'head', run.onOutput);
  const errors = collect(child.stderr, toolErrorTailBytes, 'tail');
  let timedOut = false;
  const kill = () => killGroup(pid);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, run.wallMs);
  run.signal.addEventListener('abort', kill, { once: true });
  try {
    const { code, signal } = await ended(child);
    run.signal.throwIfAborted();
    if (timedOut) throw new ToolCrashed(`Expected the tool to end within ${run.wallMs} ms, killed it`);
    const endedBy = signal ?? signalBehind(code);
    if (code === null || endedBy !== undefined) throw new ToolCrashed(`The tool was ended by ${endedBy}`);
    return { code, output: output(), errors: errors() };
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener('abort', kill);
    kill();
  }
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
const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** Ends a process and everything it started. One that is gone already is as good. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
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
