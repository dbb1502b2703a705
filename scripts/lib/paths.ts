import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout, found from the sources and from dist/. */
export const rootFolder: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Folder of installed tools, which `--fresh` keeps. */
export function toolsFolder(): string {
  return process.env['TOOLS_DIR'] || join(rootFolder, '.tools');
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('Expected package.json above the scripts, got none');
  return findRoot(parent);
}
