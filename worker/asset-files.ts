import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The files lie beside the source, which is one folder further up from the compiled file. */
const folders = ['./assets', '../../worker/assets'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Returns the path of a file in worker/assets: a profile's logo, for example. */
export function findAsset(name: string): string {
  const paths = folders.map((folder) => join(folder, name));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`Expected ${name} in worker/assets, got none`);
  return found;
}
