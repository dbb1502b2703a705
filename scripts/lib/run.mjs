// `run.mjs PATH`: installs packages and builds if needed, then runs the built PATH.ts. An installed release has nothing to build.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare, root } from './prepare.mjs';

const [name = '', ...args] = process.argv.slice(2);
const built = join(root, 'dist', `${name}.js`);
const isDeployed = existsSync(built) && !existsSync(join(root, 'node_modules', 'typescript'));
if (!isDeployed) {
  // Standard output is for the command, because a program may parse it.
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
