import { parseArgs } from 'node:util';
import { openDatabase } from '../../src/database/open.ts';
import { toolStatementTimeoutMs } from '../../src/limits.ts';
import { openObjectStore } from '../../src/objects/store.ts';
import { openProducer } from '../../src/queue/producer.ts';
import { findService } from '../lib/find-service.ts';
import { runCommand } from '../lib/run-command.ts';
import { readRunFile } from '../lib/run-file.ts';
import { checkInvariants, type Verdict } from './invariants/check-all.ts';
import type { RunningService } from './invariants/invariant.ts';
import { readLedger } from './invariants/ledger.ts';

const settleMs = 2_500;

/**
 * What must always hold, held against the stores of the service that runs from DATA_DIR and against what clients wrote down.
 * Names whatever breaks it; exit code 1 when anything does.
 */
await runCommand('npm run invariants [-- --ledger FILE] [--json]', async () => {
  const { values } = parseArgs({ options: { ledger: { type: 'string' }, json: { type: 'boolean' } } });
  const ledger = values.ledger === undefined ? undefined : await readLedger(values.ledger);
  const config = await findService(process.env);
  const sql = openDatabase(config.databaseUrl, {
    connections: 2,
    applicationName: 'invariants',
    nextPassword: config.databaseNextPassword,
    statementTimeoutMs: toolStatementTimeoutMs,
  });
  const objects = openObjectStore(config.s3);
  const producer = openProducer(config.redisUrl);
  try {
    const service = await findRunning();
    const verdicts = await checkInvariants({ config, sql, objects, producer, ledger, service, settleMs });
    const holds = verdicts.every((verdict) => verdict.breaks.length === 0);
    if (values.json) process.stdout.write(`${JSON.stringify({ holds, invariants: verdicts })}\n`);
    else process.stdout.write(`${verdicts.flatMap(describe).join('\n')}\n${sumUp(verdicts)}\n`);
    return holds ? 0 : 1;
  } finally {
    await producer.close();
    await sql.end({ timeout: 5 });
    objects.close();
  }
});

/** Undefined where none runs: then its stores alone are looked at. */
async function findRunning(): Promise<RunningService | undefined> {
  const found = await readRunFile(process.env);
  return found === undefined ? undefined : { baseUrl: found.baseUrl, metricsUrls: found.metricsUrls.web };
}

function describe({ number, name, checked, breaks }: Verdict): string[] {
  const head = `${breaks.length === 0 ? 'holds ' : 'BROKEN'} ${number}  ${name} (${checked})`;
  return [head, ...breaks.map((each) => `          ${each}`)];
}

function sumUp(verdicts: readonly Verdict[]): string {
  const broken = verdicts.filter((verdict) => verdict.breaks.length > 0);
  if (broken.length === 0) return `${verdicts.length} invariants hold`;
  return `${broken.length} of ${verdicts.length} invariants broken: ${broken.map(({ number }) => number).join(', ')}`;
}
