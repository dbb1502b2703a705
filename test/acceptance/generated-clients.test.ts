import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import openapiTypescript, { astToString } from 'openapi-typescript';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeClip } from '../support/clip.ts';
import { openApi } from './support.ts';

const journeys = join(rootFolder, 'test/acceptance/generated-clients');
const api = await openApi(t, { worker: true });
const folder = join(api.environment.folder, 'clients');
const document = (await api.call('GET', '/openapi.json')).json<Record<string, unknown>>();
const clip = await makeClip();
await mkdir(folder, { recursive: true });
await symlink(join(rootFolder, 'node_modules'), join(folder, 'node_modules'));
await writeFile(join(folder, 'package.json'), '{"type":"module"}');
t.teardown(() => rm(join(folder, 'node_modules'), { force: true }));

/** Compiles a journey with the client beside it as strictly as a careful user would, then runs it. */
async function runJourney(name: string): Promise<{ code: number | null; output: string }> {
  await copyFile(join(journeys, `${name}.ts`), join(folder, `${name}.ts`));
  const options = ['--strict', '--skipLibCheck', '--target', 'ES2022', '--module', 'nodenext', '--lib', 'ES2023,DOM'];
  const compiler = join(rootFolder, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = ['--types', 'node', '--outDir', join(folder, 'out', name), '--rootDir', folder];
  const compiled = await tryTool(process.execPath, [compiler, ...options, ...types, join(folder, `${name}.ts`)], {
    timeoutMs: 120_000,
  });
  if (compiled.code !== 0) return { code: compiled.code, output: compiled.output };
  const entry = join(folder, 'out', name, `${name}.js`);
  await symlink(join(rootFolder, 'node_modules'), join(dirname(entry), 'node_modules'));
  await writeFile(join(dirname(entry), 'package.json'), '{"type":"module"}');
  return tryTool(process.execPath, [entry, api.service.baseUrl, clip], { timeoutMs: 150_000 });
}

t.test('a client of openapi-typescript and openapi-fetch makes the whole journey', async (t) => {
  await writeFile(join(folder, 'schema.ts'), astToString(await openapiTypescript(JSON.stringify(document))));
  const { code, output } = await runJourney('openapi-fetch-journey');
  t.equal(code, 0, output);
  t.match(output, /journey complete/);
});

t.test('a client of @hey-api/openapi-ts makes the whole journey', async (t) => {
  await createClient({ input: document, output: join(folder, 'hey-api'), logs: { level: 'silent', file: false } });
  const { code, output } = await runJourney('hey-api-journey');
  t.equal(code, 0, output);
  t.match(output, /journey complete/);
});
