import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity, signalProcess } from '../../lib/processes.ts';
import type { Say } from '../../lib/steps.ts';
import { waitFor } from '../../lib/wait.ts';
import { writePrivateFile } from '../../lib/write-file.ts';

const listFile = 'processes.json';

export function writeProcessList(dataDir: string, processes: readonly ProcessIdentity[]): void {
  writePrivateFile(join(dataDir, listFile), `${JSON.stringify(processes)}\n`);
}

export function removeProcessList(dataDir: string): void {
  rmSync(join(dataDir, listFile), { force: true });
}

/**
 * Ends processes that are still running after an earlier `npm start` was killed. The start time distinguishes them from later processes
 * with the same pid.
 */
export async function endLeftProcesses(dataDir: string, say: Say): Promise<void> {
  const path = join(dataDir, listFile);
  if (!existsSync(path)) return;
  const left = readList(path).filter(isAlive);
  if (left.length > 0) say(`Ending ${left.length} processes that an earlier run left`);
  // Servers are first in the list and end last.
  for (const process of left.reverse()) {
    signalProcess(process.pid, 'SIGINT');
    const isGone = () => !isAlive(process);
    await waitFor('the process to end', isGone, { timeoutMs: 15_000 }).catch(() =>
      signalProcess(process.pid, 'SIGKILL'),
    );
    await waitFor(`the end of process ${process.pid}`, isGone, { timeoutMs: 5_000 });
  }
  removeProcessList(dataDir);
}

function readList(path: string): ProcessIdentity[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity[];
  } catch {
    return [];
  }
}
