import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findImports } from '../lib/import-graph.ts';
import { rootFolder } from '../lib/paths.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';

/**
 * `copy-imports FOLDER ENTRY...`: copies the entry files and all files that they import to the same places in FOLDER. Rejects when
 * one of them imports a package that a production install leaves out.
 */
await runCommand('copy-imports FOLDER ENTRY...', async () => {
  const [folder = '', ...entries] = process.argv.slice(2);
  if (entries.length === 0) throw new UserError('Expected copy-imports FOLDER ENTRY..., got no entry');
  const { files, packages } = await findImports(rootFolder, entries);
  const missing = packages.filter((name) => !listProductionPackages().has(name));
  if (missing.length > 0) {
    throw new UserError(
      `Expected every imported package among the dependencies of package.json, got ${missing.join(', ')}`,
    );
  }
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(rootFolder, file), join(folder, file));
  }
  return 0;
});

function listProductionPackages(): Set<string> {
  const about = JSON.parse(readFileSync(join(rootFolder, 'package.json'), 'utf8')) as Record<string, object>;
  return new Set(Object.keys({ ...about['dependencies'], ...about['optionalDependencies'] }));
}
