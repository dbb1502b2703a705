import { join } from 'node:path';
import { toolsFolder } from '../../scripts/lib/paths.ts';
import { installPythonPackage } from '../../scripts/lib/python.ts';

/** What a peer written in Python runs on; its packages are kept between runs. Gives the path of the Python to run it with. */
export async function openPython(name: string, packages: readonly string[]): Promise<string> {
  let python = '';
  for (const each of packages) python = await installPythonPackage(join(toolsFolder(), `python-${name}`), each);
  return python;
}
