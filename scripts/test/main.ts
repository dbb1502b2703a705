import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { removeClusterFolder } from '../dev/servers/postgres-folder.ts';
import { findByEnvironment, signalProcess } from '../lib/processes.ts';
import { sayOnTerminal as say } from '../lib/steps.ts';
import { UserError } from '../lib/user-error.ts';
import { waitFor } from '../lib/wait.ts';
import type { TapSummary } from './read-tap.ts';
import { findTestFiles, runTap } from './run-tap.ts';
import { startTestServers } from './servers.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

const { values, positionals } = parseArgs({ options: { serial: { type: 'boolean' } }, allowPositionals: true });
const { passed, failed, skips } = await runAllTests(positionals);
for (const skip of skips) say(`skipped  ${skip}`);
if (skips.length > 0) say(`${skips.length} skipped`);
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Everything a run creates carries its mark or is in its folder. What is left of either at the end counts as a failure. */
async function runAllTests(requested: string[]): Promise<TapSummary> {
  const mark = randomUUID();
  process.env['RUN_MARK'] = mark;
  const folder = mkdtempSync(join(tmpdir(), 'anb-test-'));
  // PostgreSQL may run as another user, who needs access.
  chmodSync(folder, 0o711);
  let summary: TapSummary = { passed: 0, failed: 0, skips: [] };
  try {
    summary = await runOnServers(folder, requested);
  } catch (error) {
    say(error instanceof UserError ? error.message : inspect(error));
    summary.failed += 1;
  } finally {
    summary.failed += await countLeftProcesses(mark);
    removeClusterFolder(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  }
  if (existsSync(folder)) {
    say(`left behind: ${folder}`);
    summary.failed += 1;
  }
  return summary;
}

async function runOnServers(folder: string, requested: string[]): Promise<TapSummary> {
  const servers = await startTestServers(folder, say);
  const scratch = join(folder, 'tmp');
  mkdirSync(scratch);
  try {
    const { signal } = interrupt;
    if (signal.aborted) throw new UserError('Interrupted before the first test.');
    const files = requested.length > 0 ? requested : findTestFiles();
    const env = { ...process.env, ...servers.env, TMPDIR: scratch };
    const { code, ...summary } = await runTap(files, { env, signal, say, isSerial: values.serial ?? false });
    // A run without a passed test proves nothing.
    if (summary.failed === 0 && (code !== 0 || summary.passed === 0 || signal.aborted)) {
      const reason = summary.passed === 0 ? 'no test passed' : `tap ended with exit code ${code}`;
      say(`failed: ${signal.aborted ? 'interrupted' : reason}`);
      summary.failed = 1;
    }
    return summary;
  } finally {
    await servers.stop();
  }
}

async function countLeftProcesses(mark: string): Promise<number> {
  const find = () => findByEnvironment('RUN_MARK', mark);
  await waitFor('every process of the run to end', () => find().length === 0, { timeoutMs: 3_000 }).catch(() => {});
  const left = find();
  for (const { pid, command } of left) {
    say(`left behind: process ${pid}: ${command}`);
    signalProcess(pid, 'SIGKILL');
  }
  return left.length;
}
