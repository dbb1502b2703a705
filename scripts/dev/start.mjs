// `npm start`: on a fresh clone no package is installed yet, so this file imports only Node.js modules.
import { prepare } from '../lib/prepare.mjs';

try {
  prepare();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
await import('../../dist/scripts/dev/start/main.js');
