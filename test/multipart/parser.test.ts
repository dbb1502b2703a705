import fc from 'fast-check';
import t from 'tap';
import { openFaultRun } from '../faults/support/fault-run.ts';
import { anyBody, boundary, hostileBodies } from './hostile-bodies.ts';
import { everyBytes, readByParser } from './read-body.ts';
import { readByReference } from './reference-parser.ts';

const run = openFaultRun('parser', 3_000, (rounds) => rounds * 500);
t.setTimeout(600_000 + run.rounds * 20);

const chunkSizes = [1, 7, 512, 65_536];

const form = [
  'a preamble\r\n',
  `--${boundary}\r\n`,
  'content-type: video/mp4\r\nCONTENT-DISPOSITION: form-data;\r\n name=video_file; filename="a \\"b\\" \\\\ c.mp4"\r\n\r\n',
  `data\r\n--${boundary.slice(0, -1)}\r\r\n-\r\n--\r\n`,
  `\r\n--${boundary} \t\r\n`,
  'Content-Disposition: form-data; name="title"; name="t\u00edtulo"\r\n\r\n',
  `\r\n--${boundary}--an epilogue\r\n--${boundary}\r\n`,
].join('');
const body = Buffer.from(form, 'utf8');

t.test('a form is read as it was written', async (t) => {
  const { parts, fault } = readByParser(body, boundary, []);
  t.equal(fault, undefined);
  t.strictSame(parts, [
    {
      name: 'video_file',
      isFile: true,
      contentType: 'video/mp4',
      data: `data\r\n--${boundary.slice(0, -1)}\r\r\n-\r\n--\r\n`,
      isWhole: true,
    },
    { name: 't\u00edtulo', isFile: false, contentType: undefined, data: '', isWhole: true },
  ]);
});

t.test('wherever a form is cut in two or three, it reads the same', async (t) => {
  const expected = JSON.stringify(readByReference(body, boundary));
  const differing: number[][] = [];
  for (let first = 0; first <= body.length; first += 1) {
    for (let second = first; second <= body.length; second += 1) {
      const found = JSON.stringify(readByParser(body, boundary, [first, second]));
      if (found !== expected) differing.push([first, second]);
    }
  }
  t.strictSame(differing, []);
});

t.test('wherever a form ends early, it is refused, and what came before is what it was', async (t) => {
  const whole = form.indexOf(`--${boundary}--`) + `--${boundary}--`.length;
  for (let length = 0; length < whole; length += 1) {
    const start = body.subarray(0, Buffer.from(form.slice(0, length), 'utf8').length);
    const found = readByParser(start, boundary, everyBytes(start, 3));
    if (found.fault === undefined) t.fail(`taken for whole after ${start.length} bytes`);
    if (JSON.stringify(found) !== JSON.stringify(readByReference(start, boundary))) t.fail(`differs at ${length}`);
  }
  t.pass('every beginning was refused');
});

t.test('boundaries of one and of 70 characters, and of characters that mean something elsewhere', async (t) => {
  for (const each of ['a', '-', '--', "'()+_,-./:=?", 'x'.repeat(70)]) {
    const text = `--${each}\r\nContent-Disposition: form-data; name=a\r\n\r\n-\r\n-${each}\r\n--${each}--`;
    const bytes = Buffer.from(text, 'latin1');
    for (const size of [1, 2, 3, 512]) {
      const found = readByParser(bytes, each, everyBytes(bytes, size));
      t.strictSame(found, readByReference(bytes, each), `${each} in chunks of ${size}`);
    }
  }
});

for (const [name, text] of hostileBodies) {
  t.test(`a body with ${name} reads the same in any chunks`, async (t) => {
    const bytes = Buffer.from(text, 'latin1');
    const expected = readByReference(bytes, boundary);
    for (const size of chunkSizes) {
      const found = readByParser(bytes, boundary, everyBytes(bytes, size));
      t.equal(JSON.stringify(found), JSON.stringify(expected), `chunks of ${size}`);
    }
  });
}

t.test('any body reads as the reference reads it, in any chunks, and breaks nothing', async (t) => {
  const cuts = fc.array(fc.nat(200), { maxLength: 30 });
  let wellFormed = 0;
  fc.assert(
    fc.property(anyBody, cuts, (bytes, steps) => {
      const expected = readByReference(bytes, boundary);
      if (expected.fault === undefined) wellFormed += 1;
      const wanted = JSON.stringify(expected);
      for (const size of chunkSizes) {
        if (JSON.stringify(readByParser(bytes, boundary, everyBytes(bytes, size))) !== wanted) return false;
      }
      return JSON.stringify(readByParser(bytes, boundary, sumUp(steps, bytes.length))) === wanted;
    }),
    { numRuns: run.rounds, seed: run.seed },
  );
  t.ok(wellFormed > run.rounds / 100, `${wellFormed} of the bodies were well-formed after all`);
  run.report({ 'bodies read as the reference reads them': run.rounds, 'of them well-formed': wellFormed });
});

/** Steps, some of them empty, as places. */
function sumUp(steps: readonly number[], length: number): number[] {
  let at = 0;
  return steps.map((step) => {
    at = Math.min(length, at + step);
    return at;
  });
}
