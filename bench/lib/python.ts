import { join } from 'node:path';
import { toolsFolder } from '../../scripts/lib/paths.ts';
import { installPythonPackage } from '../../scripts/lib/python.ts';

/** Installs the packages of a peer written in Python, keeps them between runs, and returns the path of its Python. */
export async function openPython(name: string, packages: readonly string[]): Promise<string> {
  let python = '';
  for (const each of packages) python = await installPythonPackage(join(toolsFolder(), `python-${name}`), each);
  return python;
}
