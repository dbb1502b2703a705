import { Readable } from 'node:stream';
import t from 'tap';
import { countTap, type Skip } from '../../scripts/test/count-tap.ts';

const streams: Record<string, { tap: string; expected: object }> = {
  'assertions of nested subtests are counted once': {
    tap: 'TAP version 14\n# Subtest: a\n    ok 1 - x\n    # Subtest: b\n        ok 1 - y\n        1..1\n    ok 2 - b\n    1..2\nok 1 - a\n1..1\n',
    expected: { passed: 2, failed: 0, skipped: 0 },
  },
  'a diagnostic that looks like a test point is none': {
    tap: 'TAP version 14\nnot ok 1 - x\n  ---\n  found: |\n    ok 7 - no point\n  ...\n1..1\n',
    expected: { passed: 0, failed: 1, skipped: 0 },
  },
  'a file that ends badly after passing assertions is one failure': {
    tap: 'TAP version 14\n# Subtest: a\n    ok 1 - x\n    1..1\nnot ok 1 - a\n1..1\n',
    expected: { passed: 1, failed: 1, skipped: 0 },
  },
  'a stream that breaks off is a failure': {
    tap: 'TAP version 14\nok 1 - x\n',
    expected: { passed: 1, failed: 1, skipped: 0 },
  },
  'skipped points are neither passed nor failed': {
    tap: 'TAP version 14\nok 1 - x # SKIP why\nok 2 - y\n1..2\n',
    expected: { passed: 1, failed: 0, skipped: 1 },
  },
};

for (const [name, { tap, expected }] of Object.entries(streams)) {
  t.test(name, async (t) => {
    const failures: string[] = [];
    const skips: Skip[] = [];
    const listener = {
      onFile: () => {},
      onFailure: (point: { name: string }) => failures.push(point.name),
      onSkip: (skip: Skip) => skips.push(skip),
    };
    const count = await countTap(Readable.from([tap]), listener);
    t.same(count, expected);
    t.equal(failures.length, name.includes('breaks off') ? 0 : count.failed, 'each failure is told');
    t.strictSame(skips, count.skipped === 0 ? [] : [{ name: 'x', reason: 'why' }], 'each skip, with its reason');
  });
}
