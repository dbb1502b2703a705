import { parseArgs } from 'node:util';
import { runCommand } from '../lib/run-command.ts';
import { readRunFile } from '../lib/run-file.ts';
import { withService } from '../lib/with-service.ts';
import { checkInvariants, type Verdict } from './invariants/check-all.ts';
import { readLedger } from './invariants/ledger.ts';

const settleMs = 2_500;

/**
 * Checks the invariants in the stores of the service that runs from DATA_DIR, and against a ledger that clients kept. Lists every
 * violation. The exit code is 1 if there is one. Without a running service only its stores are checked.
 */
await runCommand('npm run invariants [-- --ledger FILE] [--json]', async () => {
  const { values } = parseArgs({ options: { ledger: { type: 'string' }, json: { type: 'boolean' } } });
  const ledger = values.ledger === undefined ? undefined : await readLedger(values.ledger);
  const found = await readRunFile(process.env);
  const service = found && { baseUrl: found.baseUrl, metricsUrls: found.metricsUrls.web };
  const verdicts = await withService('invariants', (stores) =>
    checkInvariants({ ...stores, ledger, service, settleMs }),
  );
  const holds = verdicts.every((verdict) => verdict.breaks.length === 0);
  if (values.json) process.stdout.write(`${JSON.stringify({ holds, invariants: verdicts })}\n`);
  else process.stdout.write(`${verdicts.flatMap(describe).join('\n')}\n${sumUp(verdicts)}\n`);
  return holds ? 0 : 1;
});

function describe({ number, name, checked, breaks }: Verdict): string[] {
  const head = `${breaks.length === 0 ? 'holds ' : 'BROKEN'} ${number}  ${name} (${checked})`;
  return [head, ...breaks.map((each) => `          ${each}`)];
}

function sumUp(verdicts: readonly Verdict[]): string {
  const broken = verdicts.filter((verdict) => verdict.breaks.length > 0);
  if (broken.length === 0) return `${verdicts.length} invariants hold`;
  return `${broken.length} of ${verdicts.length} invariants broken: ${broken.map(({ number }) => number).join(', ')}`;
}
