import { copyFile, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeClip } from '../support/clip.ts';
import { openApi } from './support.ts';

interface Summary {
  run: {
    stats: Record<'requests' | 'assertions' | 'testScripts', { total: number; failed: number }>;
    failures: { error: { name: string; message: string }; source?: { name?: string } }[];
    executions: { item: { name: string }; assertions?: { assertion: string }[] }[];
  };
}

interface Folder {
  name: string;
  item?: Folder[];
}

const collection = join(rootFolder, 'test/acceptance/contract.postman_collection.json');
const newman = createRequire(import.meta.url).resolve('newman/bin/newman.js');

t.test('the Postman collection of the contract passes against the service and its worker', async (t) => {
  const { environment, service } = await openApi(t, { worker: true });
  await copyFile(await makeClip(), join(environment.folder, 'clip.mp4'));
  const report = join(environment.folder, 'newman.json');
  const place = ['--env-var', `baseUrl=${service.baseUrl}`, '--working-dir', environment.folder];
  const options = ['--reporters', 'json', '--reporter-json-export', report, '--timeout', '120000'];
  const args = [newman, 'run', collection, ...place, ...options];
  const { code, output } = await tryTool(process.execPath, args, { timeoutMs: 150_000 });
  const { run } = JSON.parse(
    await readFile(report, 'utf8').catch(
      () => `{"run":{"failures":[{"error":${JSON.stringify({ name: 'newman', message: output })}}]}}`,
    ),
  ) as Summary;
  const failures = run.failures.map(({ error, source }) => `${source?.name ?? ''}: ${error.name} ${error.message}`);
  t.strictSame(failures, [], 'no assertion and no script fails');
  t.equal(code, 0, 'newman ends with 0');
  const requests = namesOf(JSON.parse(await readFile(collection, 'utf8')));
  t.strictSame(
    requests.filter(
      (name) => !run.executions.some(({ item, assertions = [] }) => item.name === name && assertions.length > 0),
    ),
    [],
    'every request was sent, and something asserted of it',
  );
  t.ok(run.stats.assertions.total >= 2 * requests.length, `${run.stats.assertions.total} assertions`);
  t.equal(run.stats.assertions.failed + run.stats.requests.failed + run.stats.testScripts.failed, 0);
});

function namesOf({ item = [] }: { item?: Folder[] }): string[] {
  return item.flatMap((each) => (each.item === undefined ? [each.name] : namesOf(each)));
}
