import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Parser, type Result } from 'tap-parser';

export interface TapCount {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Skip {
  name: string;
  reason: string;
}

export interface TapListener {
  /** A point at the top of the stream: a test file. */
  onFile(file: Result, within: TapCount): void;
  /** A point that failed and sums up no other failure. */
  onFailure(point: Result): void;
  /** A point that was skipped or is left to do. */
  onSkip?(skip: Skip): void;
}

/**
 * Counts the assertions of a TAP stream as it comes. A test point that sums up a subtest is none itself, unless it failed
 * though everything within it passed: then a file ended badly, or a clean-up failed.
 */
export async function countTap(stream: Readable, listener: TapListener): Promise<TapCount> {
  const parser = new Parser();
  const count = countPoints(parser, listener, (point, within) => listener.onFile(point, within));
  await pipeline(stream, parser);
  // A stream that breaks off (no plan, a bail-out) is a failure that no single point shows.
  if (!parser.ok && count.failed === 0) count.failed = 1;
  return count;
}

function countPoints(
  parser: Parser,
  listener: TapListener,
  onPoint: (point: Result, within: TapCount) => void = () => {},
): TapCount {
  const count: TapCount = { passed: 0, failed: 0, skipped: 0 };
  let subtest: TapCount | undefined;
  parser.on('child', (child) => {
    subtest = countPoints(child, listener);
  });
  parser.on('assert', (point) => {
    const within = countPoint(point, subtest);
    subtest = undefined;
    if (within.isOwnFailure) listener.onFailure(point);
    const reason = point.skip || point.todo;
    if (reason) listener.onSkip?.({ name: point.fullname, reason: reason === true ? 'no reason given' : reason });
    count.passed += within.passed;
    count.failed += within.failed;
    count.skipped += within.skipped;
    onPoint(point, within);
  });
  return count;
}

function countPoint(point: Result, subtest: TapCount | undefined): TapCount & { isOwnFailure: boolean } {
  if (subtest !== undefined && subtest.passed + subtest.failed + subtest.skipped > 0) {
    const isOwnFailure = !point.ok && subtest.failed === 0;
    return { ...subtest, failed: subtest.failed + (isOwnFailure ? 1 : 0), isOwnFailure };
  }
  const isSkipped = Boolean(point.skip || point.todo);
  return {
    passed: point.ok && !isSkipped ? 1 : 0,
    failed: point.ok || isSkipped ? 0 : 1,
    skipped: isSkipped ? 1 : 0,
    isOwnFailure: !point.ok && !isSkipped,
  };
}
