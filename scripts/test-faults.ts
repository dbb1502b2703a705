import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { rootFolder } from './lib/paths.ts';

/**
 * `npm run test:faults [-- --rounds N] [--seed S] [CASE ...]`: the fault tests at length, each round of a case with one fault
 * (the short version is in `npm test`). The same seed makes the same choices; what time does to them is the machine's.
 */
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
});
process.env['FAULT_ROUNDS'] = values.rounds ?? '200';
process.env['FAULT_SEED'] = values.seed ?? String(Date.now() % 1_000_000);

const files = readdirSync(join(rootFolder, 'test', 'faults')).filter((file) => file.endsWith('.test.ts'));
const cases = [...files.map((file) => `test/faults/${file}`), 'test/multipart/parser.test.ts'].filter(
  (path) => positionals.length === 0 || positionals.some((name) => path.includes(name)),
);
process.argv.splice(2, process.argv.length, ...cases);
await import('./test/main.ts');
