import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from './lib/paths.ts';
import { UserError } from './lib/user-error.ts';
import { type NodeVersion, node22, readProductionNode } from './production/node-binary.ts';
import { openProductionSystem, type ProductionSystem } from './production/system.ts';

/**
 * `npm run test:production [-- NAME ...]`: the acceptance tests, the server's fence, the worker and the short fault tests on the
 * system and the Node.js that servers run, then the server's cost there compared with this Node.js. Names choose test files and leave
 * the rest out. ALLOW_NO_PRODUCTION=on accepts a machine that cannot have that system; the last line says so.
 */
const folders = ['test/acceptance', 'test/worker', 'test/faults'];
const fence = ['test/http/uws.test.ts', 'test/http/uws-bodies.test.ts'];
const others = ['test/http/cork.test.ts', 'test/shutdown.test.ts', 'test/house.test.ts'];

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const names = process.argv.slice(2);
const count: Count = { passed: 0, failed: 0, skipped: 0 };
try {
  const system = await openProductionSystem();
  const node24 = readProductionNode();
  say(`On ${system.description}: Node.js ${node24.version} and ${node22.version}`);
  await runTests(system, node24, chooseFiles());
  if (names.length === 0) {
    await runTests(system, node22, fence);
    await runBench();
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  const isAllowed = process.env['ALLOW_NO_PRODUCTION'] === 'on';
  say(`NOT TESTED on the system of production: ${error.message}`);
  if (!isAllowed) say('ALLOW_NO_PRODUCTION=on accepts that');
  count[isAllowed ? 'skipped' : 'failed'] += 1;
}
say(`${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`);
process.exitCode = count.failed === 0 ? 0 : 1;

function chooseFiles(): string[] {
  const inFolders = folders.flatMap((folder) =>
    readdirSync(join(rootFolder, folder))
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `${folder}/${file}`),
  );
  const files = [...fence, ...others, ...inFolders];
  const chosen = files.filter((file) => names.length === 0 || names.some((name) => file.includes(name)));
  if (chosen.length > 0) return chosen;
  throw new Error(`Expected a test whose name has ${names.join(' or ')}, got none`);
}

async function runTests(system: ProductionSystem, node: NodeVersion, files: readonly string[]): Promise<void> {
  say(`Node.js ${node.version}: ${files.length} test files ...`);
  const { command, args, env } = await system.wrap(node, [join(rootFolder, 'dist/scripts/test/main.js'), ...files]);
  const { code, lastLine } = await run(command, args, env);
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(lastLine) ?? [];
  count.passed += Number(passed ?? 0);
  count.failed += Number(failed ?? 1);
  if (code !== 0 && failed === '0') count.failed += 1;
}

/** A missed figure is not a failure; a case that cannot be run is. */
async function runBench(): Promise<void> {
  const { code } = await run(
    process.execPath,
    [join(rootFolder, 'dist/bench/main.js'), 'production', '--rounds', '1'],
    {
      ...process.env,
    },
  );
  count[code === 0 ? 'passed' : 'failed'] += 1;
}

/** Passes on what the program prints, its last line of `N passed, N failed` apart, and returns that. */
function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; lastLine: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: rootFolder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let lastLine = '';
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (/^\d+ passed, \d+ failed$/.test(line)) lastLine = line;
        else say(line);
      }
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, lastLine }));
    const end = () => child.kill('SIGTERM');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
