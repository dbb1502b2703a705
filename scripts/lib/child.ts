import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity, signalProcess } from './processes.ts';

export interface ChildOptions {
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Standard output and error are appended here. */
  logPath: string;
  user?: { uid: number; gid: number } | undefined;
  stopSignal?: NodeJS.Signals;
}

export interface Child {
  readonly pid: number;
  readonly identity: ProcessIdentity;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Sends the stop signal, and kills the process group after the timeout. */
  stop(timeoutMs?: number): Promise<Exit>;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * Starts a long-lived process in its own process group, so that Ctrl+C reaches only this process, which stops the others in order. If
 * this process is killed, the kernel sends the stop signal to the child (if `setpriv` is installed).
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const stopSignal = options.stopSignal ?? 'SIGTERM';
  const log = openSync(options.logPath, 'a', 0o600);
  const [command, args] = withDeathSignal(options.command, options.args, stopSignal);
  const child = spawn(command, args, {
    env: options.env,
    cwd: options.cwd,
    stdio: ['ignore', log, log],
    detached: true,
    ...(options.user ?? {}),
  });
  closeSync(log);
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await spawned(child);
  return controlChild(child, exited, stopSignal);
}

/** Returns the end of a log, for error messages. */
export function logTail(path: string, lines = 15): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}

function controlChild(child: ChildProcess, exited: Promise<Exit>, stopSignal: NodeJS.Signals): Child {
  const pid = child.pid ?? 0;
  const identity = identify(pid) ?? { pid, startTicks: 'gone' };
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const signal = (name: NodeJS.Signals) => {
    if (!hasExited()) signalProcess(pid, name);
  };
  const stop = async (timeoutMs = 20_000) => {
    signal(stopSignal);
    const timer = new AbortController();
    const timeout = sleep(timeoutMs, 'timeout', { signal: timer.signal }).catch(() => 'aborted');
    if ((await Promise.race([exited, timeout])) === 'timeout') signalProcess(-pid, 'SIGKILL');
    timer.abort();
    return exited;
  };
  return { pid, identity, exited, hasExited, signal, stop };
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

let setprivWorks: boolean | undefined;

function withDeathSignal(command: string, args: readonly string[], signal: NodeJS.Signals): [string, string[]] {
  setprivWorks ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;
  if (!setprivWorks) return [command, [...args]];
  return ['setpriv', ['--pdeathsig', signal.replace(/^SIG/, ''), '--', command, ...args]];
}
