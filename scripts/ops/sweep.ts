import { parseArgs } from 'node:util';
import { openDatabase } from '../../src/database/open.ts';
import { toolStatementTimeoutMs } from '../../src/limits.ts';
import { openLog } from '../../src/log.ts';
import { openObjectStore } from '../../src/objects/store.ts';
import { openProducer } from '../../src/queue/producer.ts';
import { sweepOnce } from '../../worker/sweep.ts';
import type { FindingKind } from '../../worker/sweep-report.ts';
import { findService } from '../lib/find-service.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';

/**
 * What the worker does by itself now and then, at once. Rows without a job are queued, jobs no row needs are taken out, objects
 * and open uploads that nothing names are removed. A dry run only tells.
 */
await runCommand('npm run sweep [-- --dry-run] [--json]', async () => {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } } });
  const dryRun = values['dry-run'] === true;
  const config = await findService(process.env);
  const sql = openDatabase(config.databaseUrl, {
    connections: 4,
    applicationName: 'sweep',
    nextPassword: config.databaseNextPassword,
    statementTimeoutMs: toolStatementTimeoutMs,
  });
  const objects = openObjectStore(config.s3);
  const producer = openProducer(config.redisUrl);
  const findings: { kind: FindingKind; what: string }[] = [];
  try {
    const parts = { sql, objects, producer, log: openLog('silent'), graceSeconds: config.sweepGraceSeconds };
    const done = await sweepOnce(parts, dryRun, (kind, what) => {
      findings.push({ kind, what });
      if (!values.json)
        process.stdout.write(`${dryRun ? 'would repair' : 'repaired'} ${kind.replaceAll('_', ' ')}: ${what}\n`);
    });
    if (!done) throw new UserError('Another sweep is running: try again when it has ended.');
    if (values.json) process.stdout.write(`${JSON.stringify({ dryRun, findings })}\n`);
    else process.stdout.write(`${findings.length} findings${dryRun ? '. Dry run: nothing was changed.' : ''}\n`);
    return 0;
  } finally {
    await producer.close();
    await sql.end({ timeout: 5 });
    objects.close();
  }
});
