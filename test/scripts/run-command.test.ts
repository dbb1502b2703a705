import t from 'tap';
import { runScript } from './run-script.ts';

for (const name of ['sweep', 'recount', 'retry', 'migrate', 'invariants']) {
  t.test(`${name} prints its usage for --help and for an unknown option`, async (t) => {
    const asked = await runScript(`ops/${name}`, ['--help'], {});
    t.match(asked, { code: 0, stdout: /^npm run [a-z]+ \[?-- / });
    const guessed = await runScript(`ops/${name}`, ['--no-such-option'], {});
    t.match(guessed, { code: 2, stdout: '', stderr: /no-such-option[\s\S]*npm run / });
  });
}
