import { parseArgs } from 'node:util';
import { RunFailure } from '../k6/engine/exit-codes.ts';
import { runCommand } from '../scripts/lib/run-command.ts';
import { UserError } from '../scripts/lib/user-error.ts';
import { compare, gate } from './commands/compare.ts';
import { judgeFile } from './commands/judge.ts';
import type { Options } from './commands/options.ts';
import { runRehearsal } from './commands/rehearse.ts';
import { renderAgain } from './commands/report.ts';
import { run } from './commands/run.ts';
import { printSchema } from './commands/schema.ts';
import { runSimulation } from './commands/simulate.ts';
import { showWorker } from './commands/worker.ts';

const usage = `npm run capacity -- smoke | run PLAN | rehearse [--brief] | worker [FILE] | report DIR | compare A B | gate A B --pair A1 A2 | judge FILE | simulate | schema [rehearsal]
  --target URL --allow HOST --out DIR --threads N --json; simulate: --capacity N --from N --to N --max N --warm-up SECONDS`;

/** `npm run capacity -- ...`. Exit codes: 0 PASS, 99 an objective is broken, 3 INVALID, 4 a regression, 2 asked wrongly; 100 to 110 are the engine's, as k6 has them. */
await runCommand(usage, async () => {
  try {
    return await runVerb();
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
});

async function runVerb(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      target: { type: 'string' },
      allow: { type: 'string', multiple: true, default: [] },
      out: { type: 'string' },
      threads: { type: 'string', default: '1' },
      brief: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      pair: { type: 'string', multiple: true, default: [] },
      capacity: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      max: { type: 'string' },
      'warm-up': { type: 'string' },
    },
  });
  const [verb, ...names] = positionals;
  const options: Options = { ...values, warmUp: values['warm-up'] };
  if (verb === 'smoke' && names.length === 0) return run('smoke', options);
  if (verb === 'run' && names.length === 1) return run(String(names[0]), options);
  if (verb === 'rehearse' && names.length === 0) return runRehearsal(options);
  if (verb === 'worker' && names.length <= 1) return showWorker(names[0], options);
  if (verb === 'report' && names.length === 1) return renderAgain(String(names[0]), options);
  if (verb === 'compare' && names.length === 2) return compare(String(names[0]), String(names[1]), options);
  if (verb === 'gate' && names.length === 2) return gate(String(names[0]), String(names[1]), options);
  if (verb === 'judge' && names.length === 1) return judgeFile(String(names[0]), options);
  if (verb === 'simulate' && names.length === 0) return runSimulation(options);
  if (verb === 'schema' && names.length <= 1) return printSchema(names[0]);
  throw new UserError(`Expected a verb and what it takes, got ${positionals.join(' ') || 'nothing'}.\n${usage}`);
}
