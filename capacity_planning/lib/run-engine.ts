import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { exitCodes, RunFailure } from '../../k6/engine/exit-codes.ts';
import type { EngineResult } from '../../k6/engine/run.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';

export interface EngineOrder {
  scriptPath: string;
  env: Readonly<Record<string, string>>;
  threads: number;
  slow?: string;
  abort?: string;
  arrivals?: string;
  /** For what the engine keeps of every request until it has been read. */
  folder: string;
  /** Every line that the engine says while it runs. */
  say(line: string): void;
}

const keptLines = 20;

/**
 * The engine as a process of its own, so that its CPU and memory are measured apart.
 * @throws RunFailure, with k6's exit code, unless it ends with 0 or 99 (an objective is broken).
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
}: EngineOrder) {
  const out = join(folder, 'engine.json');
  const main = join(rootFolder, 'dist', 'k6', 'engine', 'main.js');
  const pairs = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const args = [
    main,
    'run',
    scriptPath,
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
    ...pairs,
  ];
  // A loader that this process runs under (of tests, say) is none of the engine's.
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  goFirst(child.pid);
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

/** Who makes the load must not wait for a core behind those who get it; only root may say so, others take their turn. */
function goFirst(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, -5);
  } catch {
    // Then it is late at times, and the report says by how much.
  }
}
