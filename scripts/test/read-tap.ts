import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import { Parser, type Result } from 'tap-parser';
import type { Say } from '../lib/steps.ts';
import { nameBySource } from './compiled-test.ts';

export interface TapSummary {
  passed: number;
  failed: number;
  /** Names of skipped assertions, with the reason. */
  skips: string[];
}

/** Counts the assertions of a TAP stream while it arrives. Prints each failure, and one line per test file. */
export async function readTap(stream: Readable, say: Say): Promise<TapSummary> {
  const summary: TapSummary = { passed: 0, failed: 0, skips: [] };
  const parser = new Parser();
  watch(parser, summary, say);
  let before = { passed: 0, failed: 0 };
  // tap buffers parallel files, so the assertions since the previous file are this file's.
  parser.on('assert', ({ ok, name, time }) => {
    const failed = summary.failed - before.failed;
    const counts = `${summary.passed - before.passed} passed${failed > 0 ? `, ${failed} FAILED` : ''}`;
    say(
      `${ok ? 'ok' : 'not ok'}  ${nameBySource(name)}: ${counts}${time === null ? '' : ` (${(time / 1000).toFixed(1)} s)`}`,
    );
    before = { ...summary };
  });
  await pipeline(stream, parser);
  // A stream that ends early (no plan, a bail-out) has a failure that no test point shows.
  if (!parser.ok && summary.failed === 0) summary.failed = 1;
  return summary;
}

/**
 * Counts the points of a parser and of its subtests. A point that summarizes a subtest is not counted, unless it failed although
 * everything in the subtest passed: then the file exited with an error, or a teardown failed.
 */
function watch(parser: Parser, summary: TapSummary, say: Say): void {
  let subtest: { parser: Parser; failedBefore: number } | undefined;
  parser.on('child', (child: Parser) => {
    subtest = { parser: child, failedBefore: summary.failed };
    watch(child, summary, say);
  });
  parser.on('assert', (point: Result) => {
    const isSummary = subtest !== undefined && subtest.parser.count > 0;
    const isKnown = point.ok || summary.failed > (subtest?.failedBefore ?? summary.failed);
    subtest = undefined;
    if (isSummary && isKnown) return;
    const skipped = point.skip || point.todo;
    if (skipped)
      summary.skips.push(`${nameBySource(point.fullname)}: ${skipped === true ? 'no reason given' : skipped}`);
    else if (point.ok) summary.passed += 1;
    else {
      summary.failed += 1;
      say(`not ok  ${nameBySource(point.fullname)}`);
      if (point.diag) say(inspect(point.diag, { depth: 6, breakLength: 120 }).replaceAll(/^/gm, '    '));
    }
  });
}
