import { parseArgs } from 'node:util';
import { openLog } from '../../src/log.ts';
import { sweepOnce } from '../../worker/sweep.ts';
import type { FindingKind } from '../../worker/sweep-report.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';
import { withService } from '../lib/with-service.ts';

/**
 * Runs one sweep, as the worker does periodically: queues rows without a job, removes jobs that no row needs, and deletes unreferenced
 * objects and open multipart uploads. A dry run changes nothing.
 */
await runCommand('npm run sweep [-- --dry-run] [--json]', async () => {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } } });
  const dryRun = values['dry-run'] === true;
  const say = values.json ? () => {} : (line: string) => process.stdout.write(`${line}\n`);
  const findings: { kind: FindingKind; what: string }[] = [];
  await withService('sweep', async ({ config, ...stores }) => {
    const deps = { ...stores, log: openLog('silent'), graceSeconds: config.sweepGraceSeconds };
    const isDone = await sweepOnce(deps, dryRun, (kind, what) => {
      findings.push({ kind, what });
      say(`${dryRun ? 'would repair' : 'repaired'} ${kind.replaceAll('_', ' ')}: ${what}`);
    });
    if (!isDone) throw new UserError('Another sweep is running: try again when it has ended.');
  });
  if (values.json) process.stdout.write(`${JSON.stringify({ dryRun, findings })}\n`);
  say(`${findings.length} findings${dryRun ? '. Dry run: nothing was changed.' : ''}`);
  return 0;
});
