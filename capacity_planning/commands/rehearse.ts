import { mkdirSync } from 'node:fs';
import { rehearse } from '../rehearsal/rehearse.ts';
import { briefRehearsal, fullRehearsal } from '../rehearsal/settings.ts';
import { keepRehearsal } from '../rehearsal/write-rehearsal.ts';
import { exitCodes, findFolder, type Options } from './options.ts';

/** Runs a local autoscaling test, which starts everything that it needs and stops it at the end. */
export async function runRehearsal(options: Options): Promise<number> {
  const folder = findFolder(options, 'rehearsal');
  mkdirSync(folder, { recursive: true });
  const settings = options.brief ? briefRehearsal : fullRehearsal;
  const { report, loads } = await rehearse(settings, (line) => process.stderr.write(`${line}\n`));
  const paths = keepRehearsal(folder, JSON.parse(JSON.stringify(report)), loads);
  const { verdict, reasons } = report.judgement;
  const lines = [...reasons.map(({ verdict: each, rule, text }) => `${each} (${rule}): ${text}`), ...paths, verdict];
  process.stdout.write(
    options.json ? `${JSON.stringify({ paths, judgement: report.judgement })}\n` : `${lines.join('\n')}\n`,
  );
  return { PASS: exitCodes.pass, FAIL: exitCodes.failed, INVALID: exitCodes.invalid }[verdict];
}
