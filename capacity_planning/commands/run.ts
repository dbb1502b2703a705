import { readThreadCount } from '../../k6/engine/thread-count.ts';
import { findTarget } from '../lib/find-target.ts';
import { readPlan } from '../lib/read-plan.ts';
import { checkReport } from '../lib/read-report.ts';
import { keepReport, runPlan } from '../lib/run-plan.ts';
import { exitCodes, findFolder, type Options } from './options.ts';

/** Runs a plan against a service, writes the report and prints it. */
export async function run(planName: string, options: Options): Promise<number> {
  const plan = readPlan(planName);
  const threads = readThreadCount(options.threads);
  const folder = findFolder(options, plan.name);
  const { baseUrl, metricsUrls } = await findTarget(options.target, options.allow, process.env);
  const env: Record<string, string> =
    options.allow.length === 0 ? plan.env : { ...plan.env, ALLOW_TARGET: options.allow.join(',') };
  process.stderr.write(`${plan.name}: starting load on ${baseUrl}\n`);
  const report = await runPlan({
    say: (line) => process.stderr.write(`  ${line}\n`),
    plan: { ...plan, env },
    baseUrl,
    metricsUrls,
    folder,
    command: `npm run capacity -- ${process.argv.slice(2).join(' ')}`,
    threads,
  });
  const raw = keepReport(folder, checkReport(JSON.parse(JSON.stringify(report)), folder));
  // Loaded only now: the charts' library takes half a second, which a refused plan need not wait for.
  const { makePage, renderMarkdown, writePage } = await import('../lib/render.ts');
  const page = makePage(report);
  const paths = [raw, ...writePage(folder, page)];
  process.stderr.write(`${paths.join('\n')}\n`);
  process.stdout.write(
    options.json ? `${JSON.stringify({ paths, judgement: report.judgement })}\n` : renderMarkdown(page),
  );
  return { PASS: exitCodes.pass, FAIL: exitCodes.failed, INVALID: exitCodes.invalid }[report.judgement.verdict];
}
