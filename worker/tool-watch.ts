import { readdirSync, readFileSync } from 'node:fs';
import { toolWatchMs } from './limits.ts';
import type { ToolBounds } from './tool-limits.ts';
import type { Shortage } from './tool-shortage.ts';

/** The resources that a tool's processes use together. */
export interface ToolUse {
  /** Resident private memory, and shared memory that is not a mapped file. */
  readonly memoryBytes: number;
  /** The number of processes and threads. */
  readonly tasks: number;
}

/**
 * Checks a tool's processes every `toolWatchMs` and calls `onExcess` once when together they exceed the bounds. The kernel enforces
 * the memory bound on each process. Only the watch sees the sum over several processes, their shared memory and, if the kernel does
 * not count them (root, no namespace), their number. Returns a function that ends the watch.
 */
export function watchTool(pid: number, bounds: ToolBounds, onExcess: (what: Shortage) => void): () => void {
  const timer = setInterval(() => {
    const { memoryBytes, tasks } = readToolUse(pid);
    const excess = memoryBytes > bounds.memoryBytes ? 'memory' : tasks > bounds.tasksMax ? 'processes' : undefined;
    if (excess === undefined) return;
    clearInterval(timer);
    onExcess(excess);
  }, toolWatchMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Measures in /proc the process, its group and all their descendants. Returns zeros without /proc. */
export function readToolUse(pid: number): ToolUse {
  const members = new Set([pid]);
  const others = listProcesses();
  // A process that is listed before its parent is found in the next pass.
  for (let known = 0; known < members.size; ) {
    known = members.size;
    for (const { id, parent, group } of others) if (group === pid || members.has(parent)) members.add(id);
  }
  let memoryBytes = 0;
  let tasks = 0;
  for (const id of members) {
    const status = readText(`/proc/${id}/status`);
    memoryBytes += 1024 * (readField(status, 'RssAnon') + readField(status, 'RssShmem'));
    tasks += readField(status, 'Threads');
  }
  return { memoryBytes, tasks };
}

function listProcesses(): { id: number; parent: number; group: number }[] {
  return readNames('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const line = readText(`/proc/${name}/stat`);
      // The second field is the program's name in brackets, which may hold anything.
      const [, parent, group] = line.slice(line.lastIndexOf(')') + 2).split(' ');
      return { id: Number(name), parent: Number(parent), group: Number(group) };
    });
}

function readField(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Returns a file's text, or '' for a process that has ended meanwhile. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
