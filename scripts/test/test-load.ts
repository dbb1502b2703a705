import { parseArgs } from 'node:util';
import { findTestFiles, pickFiles } from './run-tap.ts';

/**
 * `npm run test:load [-- --short] [NAME ...]`: runs the tests that generate load or measure time, one after
 * another. Their results are meaningful only on an otherwise idle machine.
 */
const { values, positionals } = parseArgs({ options: { short: { type: 'boolean' } }, allowPositionals: true });
if (!values.short) process.env['FAULT_ROUNDS'] = '1';

process.argv.splice(2, process.argv.length, '--serial', ...pickFiles(findTestFiles('test/load'), positionals));
await import('./main.ts');
