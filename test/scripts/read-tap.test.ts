import { Readable } from 'node:stream';
import t from 'tap';
import { readTap } from '../../scripts/test/read-tap.ts';

const streams: Record<string, { tap: string; expected: object }> = {
  'assertions of nested subtests are counted once': {
    tap: 'TAP version 14\n# Subtest: a\n    ok 1 - x\n    # Subtest: b\n        ok 1 - y\n        1..1\n    ok 2 - b\n    1..2\nok 1 - a\n1..1\n',
    expected: { passed: 2, failed: 0, skips: [] },
  },
  'a diagnostic that looks like a test point is none': {
    tap: 'TAP version 14\nnot ok 1 - x\n  ---\n  found: |\n    ok 7 - no point\n  ...\n1..1\n',
    expected: { passed: 0, failed: 1, skips: [] },
  },
  'a file that ends badly after passing assertions is one failure': {
    tap: 'TAP version 14\n# Subtest: a\n    ok 1 - x\n    1..1\nnot ok 1 - a\n1..1\n',
    expected: { passed: 1, failed: 1, skips: [] },
  },
  'a stream that breaks off is a failure': {
    tap: 'TAP version 14\nok 1 - x\n',
    expected: { passed: 1, failed: 1, skips: [] },
  },
  'skipped points are neither passed nor failed': {
    tap: 'TAP version 14\nok 1 - x # SKIP why\nok 2 - y\n1..2\n',
    expected: { passed: 1, failed: 0, skips: ['x: why'] },
  },
};

for (const [name, { tap, expected }] of Object.entries(streams)) {
  t.test(name, async (t) => {
    const lines: string[] = [];
    const summary = await readTap(Readable.from([tap]), (line) => lines.push(line));
    t.strictSame(summary, expected);
    const failures = lines.filter((line) => /^not ok {2}[^:]*$/.test(line));
    t.equal(failures.length, name.includes('breaks off') ? 0 : summary.failed, 'each failure is printed');
  });
}

t.test('one line per file says what passed, failed and how long it took', async (t) => {
  const tap =
    'TAP version 14\n# Subtest: a\n    ok 1 - x\n    1..1\nok 1 - a # time=1500ms\n' +
    '# Subtest: b\n    not ok 1 - y\n    1..1\nnot ok 2 - b # time=20ms\n1..2\n';
  const lines: string[] = [];
  await readTap(Readable.from([tap]), (line) => lines.push(line));
  t.strictSame(lines, ['ok  a: 1 passed (1.5 s)', 'not ok  b > y', 'not ok  b: 0 passed, 1 FAILED (0.0 s)']);
});
