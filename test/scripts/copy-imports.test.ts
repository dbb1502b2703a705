import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runScript } from './run-script.ts';

t.test('copies an entry file with everything that it imports, and nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'copied-'));
  const { code, stderr } = await runScript('aws/copy-imports', [folder, 'worker/main.ts'], {});
  t.equal(code, 0, stderr);
  // The second one is loaded by URL into a pool thread.
  for (const path of ['worker/main.ts', 'worker/transcode.ts', 'src/database/open.ts']) {
    t.ok(existsSync(join(folder, path)), path);
  }
  t.notOk(existsSync(join(folder, 'src/main.ts')), 'the web process is no import of the worker');
  t.strictSame(readdirSync(folder).sort(), ['src', 'worker']);
});

t.test('refuses an entry file that imports a development dependency', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'copied-'));
  const { code, stderr } = await runScript('aws/copy-imports', [folder, 'scripts/test/main.ts'], {});
  t.equal(code, 2);
  t.match(stderr, /among the dependencies of package\.json, got .*tap-parser/);
  t.strictSame(readdirSync(folder), []);
});
