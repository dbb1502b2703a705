import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { createEnvironment } from '../support/environment.ts';

t.test('connections that are cut while they are opened lose their queries and do not end the process', async (t) => {
  const { values } = await createEnvironment(t, { isMigrated: false });
  const program = join(rootFolder, 'dist/test/database/cut-while-opening.js');
  const args = [program, values['DATABASE_URL'] ?? ''];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: rootFolder, timeout: 60_000 });
  const { answered, refused, lost } = JSON.parse(stdout);
  t.ok(answered > 0 && refused > 0, `${answered} answered, ${refused} refused`);
  t.ok(lost > 0, `${lost} lost with the type query`);
});

t.test('any other unhandled rejection ends the process', async (t) => {
  const program = [
    "import { ignoreTypeQueryRejections } from './dist/src/database/ignore-type-query-rejections.js';",
    'ignoreTypeQueryRejections({ warn: () => undefined });',
    "console.log('listening'); Promise.reject(new Error('unheard'));",
    'setTimeout(() => process.exit(0), 2_000);',
  ].join('\n');
  const args = ['--input-type=module', '--eval', program];
  const outcome = promisify(execFile)(process.execPath, args, { cwd: rootFolder, timeout: 60_000 });
  // The message of the error holds the whole command: only the two streams show how far the program came.
  await t.rejects(outcome, { code: 1, stdout: 'listening\n', stderr: /^Error: unheard$/m });
});
