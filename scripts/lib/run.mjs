// `run.mjs PATH`: installs and builds what a fresh clone lacks, then runs PATH.ts as it was built.
// Where only the built service is installed, there is nothing to build and it runs at once.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const [name = '', ...args] = process.argv.slice(2);
const built = join(root, 'dist', `${name}.js`);
const isDeployed = existsSync(built) && !existsSync(join(root, 'node_modules', 'typescript'));
if (!isDeployed) {
  // Standard output belongs to the command: what it prints may be read by a program.
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    prepare();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  } finally {
    process.stdout.write = write;
  }
}
process.argv = [process.argv[0], built, ...args];
await import(pathToFileURL(built).href);
