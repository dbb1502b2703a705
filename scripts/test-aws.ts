import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './lib/apt.ts';
import { rootFolder, toolsFolder } from './lib/paths.ts';
import { installPythonPackage } from './lib/python.ts';
import { findOnPath, isExecutable } from './lib/run-tool.ts';
import { sayOnTerminal as say } from './lib/steps.ts';
import { UserError } from './lib/user-error.ts';

/**
 * `npm run test:aws [-- NAME ...]`: the template, the start scripts and the service with its settings from AWS, against an
 * emulator. Its tools are heavy, so they are installed by this command alone: those of Python into folders of their own.
 */
const pythonTools = {
  CFN_LINT: { folder: 'cfn-lint', requirement: 'cfn-lint==1.58.0', program: 'cfn-lint' },
  CHECKOV: { folder: 'checkov', requirement: 'checkov==3.3.30', program: 'checkov' },
  MOTO_SERVER: { folder: 'moto', requirement: 'moto[server,cloudformation]==5.2.5', program: 'moto_server' },
};
const systemTools = { shellcheck: 'shellcheck', 'systemd-analyze': 'systemd', curl: 'curl', nginx: 'nginx-light' };

for (const [name, tool] of Object.entries(pythonTools)) process.env[name] = await installPythonTool(tool);
for (const [program, name] of Object.entries(systemTools)) {
  if (findOnPath(program) !== undefined) continue;
  say(`${program} is not here yet: it is being installed ...`);
  if (!(await installPackages([name]))) throw new UserError(`Expected ${program} to be installed, got none`);
}
const names = process.argv.slice(2);
const files = readdirSync(join(rootFolder, 'test', 'aws'))
  .filter((file) => file.endsWith('.test.ts') && (names.length === 0 || names.some((name) => file.includes(name))))
  .map((file) => `test/aws/${file}`);
process.argv.splice(2, process.argv.length, ...files);
await import('./test/main.ts');

async function installPythonTool(tool: { folder: string; requirement: string; program: string }): Promise<string> {
  const folder = join(toolsFolder(), 'aws', tool.folder);
  const program = join(folder, 'bin', tool.program);
  if (isExecutable(program)) return program;
  say(`${tool.requirement} is not here yet: it is being installed ...`);
  mkdirSync(folder, { recursive: true });
  await installPythonPackage(folder, tool.requirement);
  return program;
}
