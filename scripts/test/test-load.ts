import { parseArgs } from 'node:util';
import { findTestFiles, pickFiles } from './run-tap.ts';

/**
 * `npm run test:load [-- --short] [NAME ...]`: the tests that need load or measure time, one after the other. They mean
 * something only while the machine has nothing else to do.
 */
const { values, positionals } = parseArgs({ options: { short: { type: 'boolean' } }, allowPositionals: true });
if (!values.short) process.env['FAULT_ROUNDS'] = '1';

process.argv.splice(2, process.argv.length, '--serial', ...pickFiles(findTestFiles('test/load'), positionals));
await import('./main.ts');
