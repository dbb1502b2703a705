import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../lib/describe-error.ts';
import { rootFolder } from '../lib/paths.ts';
import { runTool } from '../lib/run-tool.ts';
import { settleAll } from '../lib/settle-all.ts';
import { sayOnTerminal as say, step } from '../lib/steps.ts';
import { UserError } from '../lib/user-error.ts';
import type { Command } from '../lib/wrap.ts';
import { makePreviousRelease, makeRelease } from './aws/releases.ts';
import { installTools } from './aws/tools.ts';
import { makeBareRoot } from './production/bare-root.ts';
import { runTests } from './run-tests.ts';
import { addCount, reportCount, type TestCount } from './test-count.ts';

/**
 * `npm run test:aws [-- NAME ...]`: tests the template, the start scripts and the service with its settings from AWS against
 * an emulator. Installs its own tools, because they are large. The last line counts all tests.
 */
const onInstances = ['test/aws/bare-root.test.ts', 'test/aws/on-instance.test.ts'];
const ofRelease = [...onInstances, 'test/aws/commands.test.ts', 'test/aws/packed.test.ts'];
const withHistory = 'test/aws/previous-release.test.ts';

/** Timeout of one file, read by tap: a file may create instances or run all acceptance tests on a busy machine. */
process.env['TAP_TIMEOUT'] = '900';

const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
try {
  await step(
    say,
    () => 'npm run test:aws',
    () => testAll(findTests(process.argv.slice(2))),
  );
} catch (error) {
  say(describeError(error));
  count.failed += 1;
}
reportCount(count);

function findTests(names: readonly string[]): string[] {
  const files = readdirSync(join(rootFolder, 'test', 'aws'))
    .filter((file) => file.endsWith('.test.ts') && (names.length === 0 || names.some((name) => file.includes(name))))
    .map((file) => `test/aws/${file}`);
  if (files.length === 0)
    throw new UserError(`Expected a test file whose name contains ${names.join(' or ')}, got none`);
  return files;
}

async function testAll(files: readonly string[]): Promise<void> {
  const ofRoot = files.filter((file) => onInstances.includes(file));
  if (ofRoot.length > 0 && process.getuid?.() !== 0)
    throw new UserError(`Expected to be root for ${ofRoot.join(' and ')}, got another user`);
  await prepareAll([
    ['tools', installTools],
    ['tap', buildTap],
    ...(ofRoot.length > 0 ? [prepareFor('BARE_ROOT', makeBareRoot)] : []),
    ...(files.some((file) => ofRelease.includes(file)) ? [prepareFor('RELEASE_FOLDER', makeRelease)] : []),
    ...(files.includes(withHistory) ? [prepareFor('PREVIOUS_RELEASE', makePreviousRelease)] : []),
  ]);
  // Each gets its own network and mounts, so that an instance can use its ports and the address of the metadata service.
  const network = 'ip link set lo up && ip addr add 169.254.169.254/32 dev lo && exec "$@"';
  const inOwnNetworks = async () => {
    for (const file of ofRoot) await run(['unshare', '--net', '--mount', 'sh', '-c', network, 'sh'], [file]);
  };
  const others = files.filter((file) => !onInstances.includes(file));
  // At the same time, because instances mostly wait and no test measures speed.
  await Promise.all([inOwnNetworks(), others.length > 0 ? run([], others) : undefined]);
}

/** The first run of tap builds a module of its plugins. Two runs at the same time would read it half written. */
async function buildTap(): Promise<void> {
  await runTool(process.execPath, [join(rootFolder, 'node_modules/.bin/tap'), 'build'], { cwd: rootFolder });
}

type Preparation = [name: string, prepare: () => Promise<void>];

/** Sets the variable by which the tests find what was made. */
function prepareFor(variable: string, make: () => Promise<string | undefined>): Preparation {
  return [
    variable,
    async () => {
      process.env[variable] = (await make()) ?? '';
    },
  ];
}

/** Runs them at the same time, because most of them wait for the network. */
async function prepareAll(preparations: readonly Preparation[]): Promise<void> {
  await settleAll(preparations.map(([name, prepare]) => step(say, () => `prepared: ${name}`, prepare)));
}

async function run(wrapper: readonly string[], paths: readonly string[]): Promise<void> {
  addCount(count, await runTests((args) => wrapAll([...wrapper, process.execPath, ...args]), paths, say));
}

function wrapAll([command = '', ...args]: readonly string[]): Command {
  return { command, args, env: process.env };
}
