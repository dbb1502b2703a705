// `npm test [-- FILE ...]`: on a fresh clone no package is installed yet, so this file imports only Node.js modules.
import { prepare } from '../lib/prepare.mjs';

try {
  prepare({ toleratesTypeErrors: process.argv.length > 2 });
} catch (error) {
  process.stderr.write(`${error.message}\n0 passed, 1 failed\n`);
  process.exit(1);
}
await import('../../dist/scripts/test/main.js');
