import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rehearse } from '../rehearsal/rehearse.ts';
import { briefRehearsal, fullRehearsal } from '../rehearsal/settings.ts';
import { exitCodes, type Options } from './options.ts';

/** Everything in it is started by the rehearsal itself; the raw figures of each load are kept beside its report. */
export async function runRehearsal(options: Options): Promise<number> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const folder = options.out ?? join('.data', 'capacity', `rehearsal-${stamp}`);
  mkdirSync(folder, { recursive: true });
  const { report, loads } = await rehearse(options.brief ? briefRehearsal : fullRehearsal, (line) =>
    process.stderr.write(`${line}\n`),
  );
  for (const load of loads) {
    writeFileSync(join(folder, `${load.name}.json`), `${JSON.stringify(load)}\n`);
  }
  writeFileSync(join(folder, 'rehearsal.json'), `${JSON.stringify(report)}\n`);
  process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
  return { PASS: exitCodes.pass, FAIL: exitCodes.failed, INVALID: exitCodes.invalid }[report.judgement.verdict];
}
