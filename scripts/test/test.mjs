// `npm test [-- FILE ...]`: on a fresh clone nothing is installed yet, so this file needs Node alone.
import { prepare } from '../lib/prepare.mjs';

try {
  prepare({ toleratesTypeFaults: process.argv.length > 2 });
} catch (error) {
  process.stderr.write(`${error.message}\n0 passed, 1 failed\n`);
  process.exit(1);
}
await import('../../dist/scripts/test/main.js');
