import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { openChangeCounter } from '../../src/queries/change-counter.ts';

const folder = mkdtempSync(join(tmpdir(), 'changes-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const fail = (error: unknown) => t.fail(String(error));

t.test('a change that one process counts is seen by the others at once', async (t) => {
  const own = openChangeCounter(folder, fail);
  const before = own.read();
  const script = `import { openChangeCounter } from './src/queries/change-counter.ts';
    const counter = openChangeCounter(${JSON.stringify(folder)}, (error) => { throw error; });
    for (let i = 0; i < 1000; i += 1) counter.add();`;
  const args = ['--import=tsx', '--input-type=module', '--eval', script];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: rootFolder, encoding: 'utf8', timeout: 60_000 });
  t.equal(status, 0, stderr);
  t.equal(own.read(), before + 1000);
  own.add();
  t.equal(openChangeCounter(folder, fail).read(), before + 1001, 'and by one that is opened later');
  t.equal(statSync(join(folder, 'changes')).mode & 0o777, 0o600);
});

t.test('where nothing can be mapped a process counts its own changes, and says why', async (t) => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  let failure: unknown;
  const counter = openChangeCounter(join(file, 'below'), (error) => {
    failure = error;
  });
  t.match(failure, { code: 'ENOTDIR' });
  const before = counter.read();
  counter.add();
  t.equal(counter.read(), before + 1);
});
