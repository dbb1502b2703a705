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
import type { Skip, TapCount } from './count-tap.ts';
import { printTap } from './print-tap.ts';
import { findTestFiles, nameBySource, runTap } from './run-tap.ts';
import { startTestServers } from './servers.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

const { values, positionals } = parseArgs({ options: { serial: { type: 'boolean' } }, allowPositionals: true });
const skips: Skip[] = [];
const count = await runAllTests(positionals);
for (const { name, reason } of skips) say(`skipped  ${nameBySource(name)}: ${reason}`);
if (count.skipped > 0) say(`${count.skipped} skipped`);
say(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed === 0 ? 0 : 1);

/** Everything a run makes carries its mark or lies in its folder, so that at the end one look shows what was left behind. */
async function runAllTests(requested: string[]): Promise<TapCount> {
  const mark = randomUUID();
  process.env['RUN_MARK'] = mark;
  const folder = mkdtempSync(join(tmpdir(), 'anb-test-'));
  // PostgreSQL may run as another user, who has to pass through.
  chmodSync(folder, 0o711);
  const count: TapCount = { passed: 0, failed: 0, skipped: 0 };
  try {
    await runOnServers(folder, requested, count);
  } catch (error) {
    say(error instanceof UserError ? error.message : inspect(error));
    count.failed += 1;
  } finally {
    count.failed += await countLeftProcesses(mark);
    removeClusterFolder(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  }
  if (existsSync(folder)) {
    say(`left behind: ${folder}`);
    count.failed += 1;
  }
  return count;
}

async function runOnServers(folder: string, requested: string[], count: TapCount): Promise<void> {
  const servers = await startTestServers(folder, say);
  const scratch = join(folder, 'tmp');
  mkdirSync(scratch);
  try {
    if (interrupt.signal.aborted) throw new UserError('Interrupted before the tests began.');
    const files = requested.length > 0 ? requested : findTestFiles();
    const env = { ...process.env, ...servers.env, TMPDIR: scratch };
    const listener = { ...printTap(say), onSkip: (skip: Skip) => skips.push(skip) };
    const isSerial = values.serial ?? false;
    const result = await runTap(files, { env, signal: interrupt.signal, listener, isSerial });
    Object.assign(count, result.count);
    judge(count, result.code);
  } finally {
    await servers.stop();
  }
}

/** A run that proves nothing is a failed one. */
function judge(count: TapCount, code: number | null): void {
  const isWhole = code === 0 && count.passed > 0 && !interrupt.signal.aborted;
  if (count.failed > 0 || isWhole) return;
  const reason = count.passed === 0 ? 'no test passed' : `tap ended with exit code ${code}`;
  say(`failed: ${interrupt.signal.aborted ? 'interrupted' : reason}`);
  count.failed += 1;
}

async function countLeftProcesses(mark: string): Promise<number> {
  const find = () => findByEnvironment('RUN_MARK', mark);
  await waitFor('the end of every process of the run', () => find().length === 0, { timeoutMs: 3_000 }).catch(() => {});
  const left = find();
  for (const { pid, command } of left) {
    say(`left behind: process ${pid}: ${command}`);
    signalProcess(pid, 'SIGKILL');
  }
  return left.length;
}
