import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export type Scratch = ReturnType<typeof openScratch>;

/**
 * Creates a folder per job under `dataDir`/scratch. Its name contains the process id and start time of its worker, so that the
 * folders of dead workers are recognised even when the id is in use again.
 */
export function openScratch(dataDir: string) {
  const root = resolve(dataDir, 'scratch');
  const owner = `${process.pid}-${startTicks(process.pid) ?? 0}`;

  return {
    /** Runs `work` with a new folder, and removes the folder before it settles. */
    async use<T>(work: (folder: string) => Promise<T>): Promise<T> {
      const folder = join(root, `${owner}-${randomUUID()}`);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        return await work(folder);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    /** Removes the folders of dead workers and resolves to their number. */
    async removeStale(): Promise<number> {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const names = await readdir(root);
      const stale = names.filter((name) => !isOwned(name));
      for (const name of stale) await rm(join(root, name), { recursive: true, force: true });
      return stale.length;
    },
  };
}

function isOwned(name: string): boolean {
  const [pid = '', ticks] = name.split('-');
  return /^\d+$/.test(pid) && String(startTicks(Number(pid)) ?? 0) === ticks && isAlive(Number(pid));
}

/** Returns the start time of a process, in clock ticks. Undefined when there is no such process, or no /proc. */
function startTicks(pid: number): number | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may contain spaces. The start time is the 20th field after it.
    return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
