import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { exitCodes, RunFailure } from '../../k6/engine/exit-codes.ts';
import type { EngineResult } from '../../k6/engine/run.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';

export interface EngineRun {
  scriptPath: string;
  env: Readonly<Record<string, string>>;
  threads: number;
  slow?: string;
  abort?: string;
  arrivals?: string;
  /** The folder for the engine's result, which is removed once it is read. */
  folder: string;
  /** Receives each line of the engine's output. */
  say(line: string): void;
}

const keptLines = 20;

/**
 * Runs the engine in a process of its own, so that its CPU and memory are measured separately.
 * @throws RunFailure with k6's exit code, unless the engine ends with 0 or 99 (an objective is broken).
 */
export async function runEngine({
  scriptPath,
  env,
  threads,
  slow = '0:20000',
  abort = '0',
  arrivals = 'even',
  folder,
  say,
}: EngineRun) {
  const out = join(folder, 'engine.json');
  const main = join(rootFolder, 'dist', 'k6', 'engine', 'main.js');
  const pairs = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const options = [
    '--threads',
    String(threads),
    '--slow',
    slow,
    '--abort',
    abort,
    '--arrivals',
    arrivals,
    '--out',
    out,
  ];
  const args = [main, 'run', scriptPath, ...options, ...pairs];
  // NODE_OPTIONS may name a loader for this process, such as the tests', which the engine must not load.
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  raisePriority(child.pid);
  const stop = () => child.kill('SIGTERM');
  process.once('exit', stop);
  const last: string[] = [];
  const readLines = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream })) {
      last.push(line);
      last.splice(0, last.length - keptLines);
      say(line);
    }
  });
  const code = await new Promise<number>((resolve) =>
    child.once('close', (exitCode) => resolve(exitCode ?? exitCodes.externalAbort)),
  );
  await Promise.all(readLines);
  process.off('exit', stop);
  if (code !== 0 && code !== exitCodes.thresholdsFailed) {
    throw new RunFailure(`Expected the load to run to its end, got exit code ${code}:\n${last.join('\n')}`, code);
  }
  const result = JSON.parse(readFileSync(out, 'utf8')) as EngineResult;
  rmSync(out);
  return { result, command: ['node', ...args].join(' ').replaceAll(`${rootFolder}/`, '') };
}

/** The generator must not wait for a core behind the service. Only root may raise a priority. */
function raisePriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, -5);
  } catch {
    // The report shows how late the generator was without it.
  }
}
