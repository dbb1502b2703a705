import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { createEnvironment } from '../support/environment.ts';

t.test('connections that are cut while they are opened cost their questions, not the process', async (t) => {
  const { values } = await createEnvironment(t, { isMigrated: false });
  const program = join(rootFolder, 'test', 'database', 'cut-while-opening.ts');
  const args = ['--import=tsx', program, values['DATABASE_URL'] ?? ''];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: rootFolder, timeout: 60_000 });
  const { answered, refused, lost } = JSON.parse(stdout);
  t.ok(answered > 0 && refused > 0, `${answered} answered, ${refused} refused`);
  t.ok(lost > 0, `${lost} lost with the question that nobody waits for`);
});

t.test('any other rejection that nobody handles ends the process', async (t) => {
  const program = [
    "import { ignoreTypeQueryRejections } from './src/database/lost-questions.ts';",
    "ignoreTypeQueryRejections({ warn: () => undefined } as never); Promise.reject(new Error('unheard'));",
    'setTimeout(() => process.exit(0), 2_000);',
  ].join('\n');
  const args = ['--import=tsx', '--input-type=module', '--eval', program];
  const outcome = promisify(execFile)(process.execPath, args, { cwd: rootFolder, timeout: 60_000 });
  await t.rejects(outcome, /unheard/);
});
