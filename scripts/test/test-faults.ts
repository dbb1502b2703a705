import { parseArgs } from 'node:util';
import { findTestFiles, pickFiles } from './run-tap.ts';

/**
 * `npm run test:faults [-- --rounds N] [--seed S] [--short] [CASE ...]`: the fault tests at length, one after the other, each
 * round of a case with one fault. `--short` runs a few rounds of each. The same seed makes the same choices; what time does to
 * them is the machine's.
 */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, short: { type: 'boolean' } },
  allowPositionals: true,
});
if (!values.short) process.env['FAULT_ROUNDS'] = values.rounds ?? '200';
process.env['FAULT_SEED'] = values.seed ?? String(Date.now() % 1_000_000);

const cases = [...findTestFiles('test/faults'), 'test/multipart/parser.test.ts'];
process.argv.splice(2, process.argv.length, '--serial', ...pickFiles(cases, positionals));
await import('./main.ts');
