import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The pictures lie beside the source, which is one folder further up from the compiled file. */
const folders = ['./assets', '../../worker/assets'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Where a profile's logo lies. */
export function findLogo(name: string): string {
  const paths = folders.map((folder) => join(folder, name));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`Expected the logo ${name} in worker/assets, got none`);
  return found;
}
