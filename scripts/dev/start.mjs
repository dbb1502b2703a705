// `npm start`: on a fresh clone nothing is installed yet, so this file needs Node alone.
import { prepare } from '../lib/prepare.mjs';

try {
  prepare();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
await import('../../dist/scripts/dev/start/main.js');
