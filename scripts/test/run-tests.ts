import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootFolder } from '../lib/paths.ts';
import type { Say } from '../lib/steps.ts';
import type { Wrap } from '../lib/wrap.ts';
import type { TapCount } from './count-tap.ts';

const countLine = /^(\d+) passed, (\d+) failed$/;
const skippedLine = /^(\d+) skipped$/;

/**
 * Runs `npm test` with these arguments, as `wrap` says, and says its lines except those that count: the caller adds up the counts
 * of several runs. A run that ends without its count is one failure.
 */
export async function runTests(wrap: Wrap, paths: readonly string[], say: Say): Promise<TapCount> {
  const { command, args, env } = await wrap([join(rootFolder, 'dist/scripts/test/main.js'), ...paths]);
  const child = spawn(command, args, { cwd: rootFolder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const count = { passed: 0, failed: 0, skipped: 0 };
  let isCounted = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const counted = countLine.exec(line);
    const skipped = skippedLine.exec(line);
    if (skipped !== null) count.skipped = Number(skipped[1]);
    else if (counted !== null) [count.passed, count.failed, isCounted] = [Number(counted[1]), Number(counted[2]), true];
    else say(line);
  }
  const code = await exited;
  if (!isCounted || (code !== 0 && count.failed === 0)) {
    say(`failed: the run of ${paths.join(', ')} ended with exit code ${code}`);
    count.failed += 1;
  }
  return count;
}
