import { sayOnTerminal as say } from '../lib/steps.ts';

export interface TestCount {
  passed: number;
  failed: number;
  skipped: number;
}

/** The last line of a test command, which .ci/run and CI parse; also sets the exit code. */
export function reportCount({ passed, failed, skipped }: TestCount): void {
  say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

export function addCount(total: TestCount, run: TestCount): void {
  total.passed += run.passed;
  total.failed += run.failed;
  total.skipped += run.skipped;
}
