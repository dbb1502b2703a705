import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { runTool, tryTool } from '../../scripts/lib/run-tool.ts';

const folder = join(rootFolder, 'scripts/aws');
const units = join(folder, 'instance/units');

t.test('the start scripts are equal up to the steps of the release', async (t) => {
  const heads = ['user_data_web.sh', 'user_data_worker.sh'].map((name) => {
    const text = readFileSync(join(rootFolder, name), 'utf8');
    t.ok(text.length < 8_000, `${name} leaves room in the 16 KiB of user data`);
    return text.slice(text.indexOf('set -euo pipefail'), text.indexOf('\ninstall_packages'));
  });
  t.ok((heads[0]?.length ?? 0) > 1_000);
  t.equal(heads[0], heads[1]);
});

t.test('shellcheck finds nothing in the shell scripts', async (t) => {
  const names = readdirSync(folder).filter((name) => !/\.(yaml|json|md|conf|ts)$/.test(name) && name !== 'instance');
  const scripts = [...names, 'instance/steps.sh', 'instance/watch-lifecycle'].map((name) => join(folder, name));
  const starts = ['user_data_web.sh', 'user_data_worker.sh'].map((name) => join(rootFolder, name));
  const { code, output } = await tryTool('shellcheck', [...starts, ...scripts], { cwd: rootFolder });
  t.equal(code, 0, output);
  t.ok(scripts.length >= 9);
});

/** Score of `systemd-analyze security`: 0 is best, 10 is a unit without any setting. */
const exposureMax = { 'anb-web@.service': 1.5, 'anb-worker.service': 4, 'anb-lifecycle.service': 3 };

t.test('the units are hardened as far as their work allows', async (t) => {
  for (const [unit, highest] of Object.entries(exposureMax)) {
    const args = ['security', '--offline=true', '--no-pager', join(units, unit)];
    const { output } = await runTool('systemd-analyze', args, { timeoutMs: 60_000 });
    const score = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
    t.ok(score <= highest, `${unit}: ${score}`);
    t.comment(`${unit}: ${score}`);
  }
});
