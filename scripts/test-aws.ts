import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './lib/apt.ts';
import { rootFolder, toolsFolder } from './lib/paths.ts';
import { installPythonPackage } from './lib/python.ts';
import { findOnPath, isExecutable, runTool } from './lib/run-tool.ts';
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
const inOwnNetwork = 'test/aws/bare-root.test.ts';
let isWhole = true;
if (files.includes(inOwnNetwork)) isWhole = (await runBareRoot()) && isWhole;
const others = files.filter((file) => file !== inOwnNetwork);
if (others.length > 0) isWhole = runTests([], others) && isWhole;
process.exitCode = isWhole ? 0 : 1;

function runTests(wrapper: readonly string[], paths: readonly string[]): boolean {
  const command = [...wrapper, process.execPath, join(rootFolder, 'dist/scripts/test/main.js'), ...paths];
  return spawnSync(command[0] as string, command.slice(1), { cwd: rootFolder, stdio: 'inherit' }).status === 0;
}

/** Needs root: a network and mounts of its own, so that the address of the metadata service can be had without harm. */
async function runBareRoot(): Promise<boolean> {
  if (process.getuid?.() !== 0) throw new UserError(`Expected to be root for ${inOwnNetwork}, got another user`);
  process.env['BARE_ROOT'] = await makeBareRoot();
  process.env['RELEASE_FOLDER'] = await makeRelease();
  const network = 'ip link set lo up && ip addr add 169.254.169.254/32 dev lo && exec "$@"';
  return runTests(['unshare', '--net', '--mount', 'sh', '-c', network, 'sh'], [inOwnNetwork]);
}

/** Debian 13 and what the start scripts would have installed: their network has no way out. Made once. */
async function makeBareRoot(): Promise<string> {
  const folder = join(toolsFolder(), 'aws', 'debian-13');
  if (existsSync(join(folder, '.complete'))) return folder;
  say('the bare root is not here yet: it is being made, which takes some minutes ...');
  rmSync(folder, { recursive: true, force: true });
  if (findOnPath('debootstrap') === undefined) await installPackages(['debootstrap']);
  await runTool('debootstrap', ['--variant=minbase', 'trixie', folder]);
  const packages = 'ca-certificates curl ffmpeg redis-server bubblewrap logrotate procps';
  const install = `printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d &&
    apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages} && rm /usr/sbin/policy-rc.d`;
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) cpSync(file, join(folder, file), { dereference: true });
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runTool('chroot', [folder, 'sh', '-c', install], { env, timeoutMs: 900_000 });
  writeFileSync(join(folder, '.complete'), '');
  return folder;
}

/** As a dry run builds it: of the last commit. */
async function makeRelease(): Promise<string> {
  const folder = join(toolsFolder(), 'aws', 'release');
  rmSync(folder, { recursive: true, force: true });
  say('the release is being built ...');
  await runTool(join(rootFolder, 'scripts/aws/release'), ['--dry-run', '--out', folder]);
  return folder;
}

async function installPythonTool(tool: { folder: string; requirement: string; program: string }): Promise<string> {
  const folder = join(toolsFolder(), 'aws', tool.folder);
  const program = join(folder, 'bin', tool.program);
  if (isExecutable(program)) return program;
  say(`${tool.requirement} is not here yet: it is being installed ...`);
  mkdirSync(folder, { recursive: true });
  await installPythonPackage(folder, tool.requirement);
  return program;
}
