import { mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { requireSetting } from '../support/settings.ts';
import { findUnresolved } from './support/find-unresolved.ts';
import { packKit } from './support/kit.ts';

t.test('the generator’s archive has everything that its code imports', async (t) => {
  const { path } = await packKit(tmpdir(), 'capacity_planning/plans/smoke.json');
  const kit = await unpack(path);
  t.strictSame(await findUnresolved(kit), []);
  for (const missing of [
    'node_modules/@sinclair/typebox',
    'dist/k6/engine/recorder.js',
    'capacity_planning/slo.json',
  ]) {
    await noticesWithout(t, kit, missing);
  }
});

t.test('a release has everything that its code imports', async (t) => {
  const folder = join(requireSetting('RELEASE_FOLDER'), 'releases');
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const release = await unpack(join(folder, archive));
  t.strictSame(await findUnresolved(release), []);
  await noticesWithout(t, release, 'node_modules/bullmq');
});

async function unpack(archive: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'unpacked-'));
  await runTool('tar', ['-xzf', archive, '-C', folder]);
  return folder;
}

/** Checks that the search finds an import that is missing. */
async function noticesWithout(t: Test, folder: string, path: string): Promise<void> {
  renameSync(join(folder, path), join(folder, 'aside'));
  const found = await findUnresolved(folder);
  t.ok(found.length > 0, `without ${path}: ${found[0]}`);
  renameSync(join(folder, 'aside'), join(folder, path));
}
