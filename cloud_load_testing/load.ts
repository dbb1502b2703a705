import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makePage, writePage } from '../capacity_planning/lib/render.ts';
import type { CapacityReport, Plan } from '../capacity_planning/lib/report-schema.ts';
import { keepReport, runPlan } from '../capacity_planning/lib/run-plan.ts';
import { RunFailure } from '../k6/engine/exit-codes.ts';
import { rootFolder } from '../scripts/lib/paths.ts';

/** The exit codes of `npm run capacity`. */
const exitCodes = { PASS: 0, FAIL: 99, INVALID: 3 };

/**
 * `load --target URL --out FOLDER --threads N` runs plan.json of the kit on the generator. The commit comes from commit.json,
 * because the generator has no repository.
 */
try {
  const { values } = parseArgs({
    options: { target: { type: 'string' }, out: { type: 'string' }, threads: { type: 'string', default: '1' } },
  });
  const read = <T>(name: string) => JSON.parse(readFileSync(join(rootFolder, name), 'utf8')) as T;
  const plan = read<Plan>('plan.json');
  const { hostname, origin } = new URL(values.target ?? '');
  const measured = await runPlan({
    baseUrl: origin,
    // The instances serve their metrics on the loopback address only.
    metricsUrls: [],
    plan: { ...plan, env: { ...plan.env, ALLOW_TARGET: hostname } },
    folder: values.out ?? '.',
    command: `cloud_load_testing/run, plan ${plan.name}`,
    threads: Number(values.threads),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const report = { ...measured, ...read<Pick<CapacityReport, 'commit' | 'hasUncommittedChanges'>>('commit.json') };
  keepReport(values.out ?? '.', report);
  writePage(values.out ?? '.', makePage(report));
  process.exitCode = exitCodes[report.judgement.verdict];
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof RunFailure ? error.exitCode : 1;
}
