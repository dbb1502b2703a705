import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { normalizeEmail } from '../../../src/http/schemas/email.ts';

interface Vectors {
  /** The tools whose answers these are. */
  madeBy: string;
  cases: [input: string, folded: string | null][];
}

const vectors = JSON.parse(readFileSync(join(rootFolder, 'test/http/schemas/email-vectors.json'), 'utf8')) as Vectors;

t.test('addresses are accepted and folded exactly as Pydantic does it', async (t) => {
  t.ok(vectors.cases.length >= 500);
  t.ok(vectors.cases.filter(([, folded]) => folded === null).length >= 200);
  for (const [input, folded] of vectors.cases) {
    const got = normalizeEmail(input) ?? null;
    if (got !== folded) t.equal(got, folded, JSON.stringify(input.slice(0, 100)));
  }
});

t.test('what is folded once stays as it is', async (t) => {
  for (const [, folded] of vectors.cases) {
    if (folded !== null && normalizeEmail(folded) !== folded) t.equal(normalizeEmail(folded), folded);
  }
});

t.test('no input keeps the process busy', async (t) => {
  const worst = [
    'a '.repeat(1024),
    '" <'.repeat(680),
    '<> '.repeat(682),
    `a@xn--${'a'.repeat(240)}.co`,
    `a@${'ñ.'.repeat(120)}co`,
  ];
  for (const input of [...worst, ' '.repeat(2047), `${'" '.repeat(1000)}<>`, 'x'.repeat(1_000_000)]) {
    // CPU time, so that a busy machine counts little. The longest takes a few milliseconds, one that backtracks minutes.
    const before = process.cpuUsage();
    normalizeEmail(input);
    const { user } = process.cpuUsage(before);
    t.ok(user < 2_000_000, `${input.slice(0, 10)} took ${user / 1000} ms`);
  }
});
