import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from './lib/paths.ts';
import { UserError } from './lib/user-error.ts';
import { makeBareRoot } from './test-aws/bare-root.ts';
import { makePreviousRelease, makeRelease } from './test-aws/releases.ts';
import { installTools } from './test-aws/tools.ts';

/**
 * `npm run test:aws [-- NAME ...]`: the template, the start scripts and the service with its settings from AWS, against an
 * emulator. Its tools are heavy, so they are installed by this command alone: those of Python into folders of their own.
 */
const inOwnNetwork = 'test/aws/bare-root.test.ts';
const withHistory = 'test/aws/previous-release.test.ts';

await installTools();
const names = process.argv.slice(2);
const files = readdirSync(join(rootFolder, 'test', 'aws'))
  .filter((file) => file.endsWith('.test.ts') && (names.length === 0 || names.some((name) => file.includes(name))))
  .map((file) => `test/aws/${file}`);
if (files.length === 0) throw new UserError(`Expected a test whose name has ${names.join(' or ')}, got none`);
let isWhole = true;
if (files.includes(inOwnNetwork)) isWhole = (await runBareRoot()) && isWhole;
if (files.includes(withHistory)) process.env['PREVIOUS_RELEASE'] = (await makePreviousRelease()) ?? '';
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
