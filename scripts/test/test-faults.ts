import { parseArgs } from 'node:util';
import { findTestFiles, pickFiles } from './run-tap.ts';

/**
 * `npm run test:faults [-- --rounds N] [--seed S] [--short] [CASE ...]`: runs the fault tests one after another, with one fault
 * per round. `--short` runs a few rounds of each. The same seed makes the same choices; their timing still depends on the machine.
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
