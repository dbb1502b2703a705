import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../lib/paths.ts';
import { signalProcess } from '../lib/processes.ts';
import type { Say } from '../lib/steps.ts';
import { compiledTest } from './compiled-test.ts';
import { readTap, type TapSummary } from './read-tap.ts';

/** Run by separate commands: `test:aws`, `test:faults`, `test:load`. */
const separateFolders = ['test/aws', 'test/faults', 'test/load'];

/** Returns the test files below the folder, except those that a separate command runs. */
export function findTestFiles(folder = 'test'): string[] {
  return readdirSync(join(rootFolder, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return separateFolders.includes(path) ? [] : findTestFiles(path);
      return entry.name.endsWith('.test.ts') ? [path] : [];
    })
    .sort();
}

/** Returns those of `files` whose path contains one of the names, or all files if there is no name. Ends the process if none is left. */
export function pickFiles(files: readonly string[], names: readonly string[]): string[] {
  const picked = files.filter((path) => names.length === 0 || names.some((name) => path.includes(name)));
  if (picked.length > 0) return picked;
  process.stderr.write(`Expected a test file whose path contains ${names.join(' or ')}, got none\n`);
  process.exit(2);
}

export interface TapOptions {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  say: Say;
  /** Runs one file at a time, instead of the number of jobs in .taprc. */
  isSerial: boolean;
}

/** Runs tap until it ends. Returns its exit code and the summary of its report. */
export async function runTap(
  files: readonly string[],
  { env, signal, say, isSerial }: TapOptions,
): Promise<TapSummary & { code: number | null }> {
  const tap = join(rootFolder, 'node_modules', '.bin', 'tap');
  const options = ['--reporter=tap', ...(isSerial ? ['--jobs=1'] : [])];
  const child = spawn(process.execPath, [tap, 'run', ...options, ...files.map(compiledTest)], {
    cwd: rootFolder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    // Its own process group: Ctrl+C reaches only this process, which ends the group as a whole.
    detached: true,
  });
  const exited = once(child, 'exit');
  const end = () => {
    if (child.pid !== undefined && child.exitCode === null) signalProcess(-child.pid, 'SIGTERM');
  };
  signal.addEventListener('abort', end, { once: true });
  const [summary, [code]] = await Promise.all([readTap(child.stdout, say), exited]);
  signal.removeEventListener('abort', end);
  return { ...summary, code };
}
