import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rootFolder } from '../lib/paths.ts';
import type { Say } from '../lib/steps.ts';
import type { Wrap } from '../lib/wrap.ts';
import type { TestCount } from './test-count.ts';

/**
 * Runs `npm test` with these arguments, as `wrap` says. Prints its lines except the counts, which it returns, so that the caller adds up
 * several runs. A run that ends without a passed test is one failure.
 */
export async function runTests(wrap: Wrap, paths: readonly string[], say: Say): Promise<TestCount> {
  const { command, args, env } = await wrap([join(rootFolder, 'dist/scripts/test/main.js'), ...paths]);
  const child = spawn(command, args, { cwd: rootFolder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? [];
    const [, skipped] = /^(\d+) skipped$/.exec(line) ?? [];
    if (passed !== undefined) Object.assign(count, { passed: Number(passed), failed: Number(failed) });
    else if (skipped !== undefined) count.skipped = Number(skipped);
    else say(line);
  }
  const [code] = await closed;
  if (count.failed === 0 && (code !== 0 || count.passed === 0)) {
    say(`failed: the run of ${paths.join(', ')} ended with exit code ${code}`);
    count.failed = 1;
  }
  return count;
}
