import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { rootFolder } from '../lib/paths.ts';
import { sayOnTerminal as say } from '../lib/steps.ts';
import { UserError } from '../lib/user-error.ts';
import { type NodeVersion, node22, readProductionNode } from './production/node-binary.ts';
import { openProductionSystem, type ProductionSystem } from './production/system.ts';
import { findTestFiles, pickFiles } from './run-tap.ts';
import { runTests } from './run-tests.ts';
import { addCount, reportCount, type TestCount } from './test-count.ts';

/**
 * `npm run test:production [-- NAME ...]`: runs the acceptance tests, the tests of uWebSockets.js, the worker and the short fault tests on
 * the system and the Node.js of servers, then compares the cost of requests with this Node.js. Names select test files and skip the
 * rest. ALLOW_NO_PRODUCTION=on accepts a machine without that system. The last line counts all tests.
 */
const uwsTests = ['test/http/uws.test.ts', 'test/http/uws-bodies.test.ts'];
const others = ['test/http/cork.test.ts', 'test/shutdown.test.ts', 'test/house.test.ts'];

const names = process.argv.slice(2);
const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
try {
  await testAll(await openProductionSystem());
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  const isAllowed = process.env['ALLOW_NO_PRODUCTION'] === 'on';
  say(`NOT TESTED on the system of servers: ${error.message}`);
  if (!isAllowed) say('Set ALLOW_NO_PRODUCTION=on to accept that.');
  count[isAllowed ? 'skipped' : 'failed'] += 1;
}
reportCount(count);

async function testAll(system: ProductionSystem): Promise<void> {
  const node24 = readProductionNode();
  say(`Testing on ${system.description}, with Node.js ${node24.version} and ${node22.version}`);
  const files = [
    ...uwsTests,
    ...others,
    ...['acceptance', 'worker', 'faults'].flatMap((name) => findTestFiles(`test/${name}`)),
  ];
  await test(system, node24, pickFiles(files, names));
  if (names.length > 0) return;
  await test(system, node22, uwsTests);
  compareCost();
}

async function test(system: ProductionSystem, node: NodeVersion, files: readonly string[]): Promise<void> {
  say(`Node.js ${node.version}: ${files.length} test files ...`);
  addCount(count, await runTests((args) => system.wrap(node, args), files, say));
}

/** A missed target is no failure; a case that cannot run is. */
function compareCost(): void {
  const bench = [join(rootFolder, 'dist/bench/main.js'), 'production', '--rounds', '1'];
  const { status } = spawnSync(process.execPath, bench, { cwd: rootFolder, stdio: ['ignore', 'inherit', 'inherit'] });
  count[status === 0 ? 'passed' : 'failed'] += 1;
}
