import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import { findTarget } from '../lib/find-target.ts';
import { checkReport } from '../lib/read-report.ts';
import { makePage, renderMarkdown, writePage } from '../lib/render.ts';
import type { Plan } from '../lib/report-schema.ts';
import { keepReport, runPlan } from '../lib/run-plan.ts';
import { exitCodes, type Options } from './options.ts';

/** A plan is a name in capacity_planning/plans or a file of one's own. */
export async function run(planName: string, options: Options): Promise<number> {
  const plan = readPlan(planName);
  const { baseUrl, metricsUrls } = await findTarget(options.target, options.allow, process.env);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  const folder = options.out ?? join('.data', 'capacity', `${plan.name}-${stamp}`);
  const env: Record<string, string> =
    options.allow.length === 0 ? plan.env : { ...plan.env, ALLOW_TARGET: options.allow.join(',') };
  process.stderr.write(`${plan.name}: load against ${baseUrl} begins\n`);
  const report = await runPlan({
    say: (line) => process.stderr.write(`  ${line}\n`),
    plan: { ...plan, env },
    ...{ baseUrl, metricsUrls, folder },
    command: `npm run capacity -- ${process.argv.slice(2).join(' ')}`,
    threads: Number(options.threads),
  });
  const raw = keepReport(folder, checkReport(JSON.parse(JSON.stringify(report)), folder));
  const page = makePage(report);
  const paths = [raw, ...writePage(folder, page)];
  process.stderr.write(`${paths.join('\n')}\n`);
  process.stdout.write(
    options.json ? `${JSON.stringify({ paths, judgement: report.judgement })}\n` : renderMarkdown(page),
  );
  return { PASS: exitCodes.pass, FAIL: exitCodes.failed, INVALID: exitCodes.invalid }[report.judgement.verdict];
}

function readPlan(name: string): Plan {
  const known = join(rootFolder, 'capacity_planning', 'plans', `${name}.json`);
  const path = existsSync(known) ? known : name;
  if (!existsSync(path)) throw new UserError(`Expected a plan of capacity_planning/plans or a file, got ${name}.`);
  return JSON.parse(readFileSync(path, 'utf8')) as Plan;
}
