import { parseArgs } from 'node:util';
import { RunFailure } from '../k6/engine/exit-codes.ts';
import { runCommand } from '../scripts/lib/run-command.ts';
import { UserError } from '../scripts/lib/user-error.ts';
import type { Options } from './commands/options.ts';

type Verb = {
  takes: string;
  least: number;
  most: number;
  run(names: readonly string[], options: Options): Promise<number>;
};

const run = async (plan: string, options: Options) => (await import('./commands/run.ts')).run(plan, options);

/** Each command is imported only when it runs, because the charts and the local test take long to load. */
const verbs: Readonly<Record<string, Verb>> = {
  smoke: { takes: '', least: 0, most: 0, run: (_, options) => run('smoke', options) },
  run: { takes: 'PLAN', least: 1, most: 1, run: ([plan = ''], options) => run(plan, options) },
  rehearse: {
    takes: '[--brief]',
    least: 0,
    most: 0,
    run: async (_, options) => (await import('./commands/rehearse.ts')).runRehearsal(options),
  },
  worker: {
    takes: '[FILE]',
    least: 0,
    most: 1,
    run: async ([file], options) => (await import('./commands/worker.ts')).showWorker(file, options),
  },
  report: {
    takes: 'DIR',
    least: 1,
    most: 1,
    run: async ([folder = ''], options) => (await import('./commands/report.ts')).renderAgain(folder, options),
  },
  compare: {
    takes: 'A B [--baseline-repeat DIR]...',
    least: 2,
    most: 2,
    run: async ([a = '', b = ''], options) => (await import('./commands/compare.ts')).compare(a, b, options),
  },
  gate: {
    takes: 'A B --baseline-repeat DIR --baseline-repeat DIR...',
    least: 2,
    most: 2,
    run: async ([a = '', b = ''], options) => (await import('./commands/compare.ts')).gate(a, b, options),
  },
  judge: {
    takes: 'FILE',
    least: 1,
    most: 1,
    run: async ([file = ''], options) => (await import('./commands/judge.ts')).judgeFile(file, options),
  },
  simulate: {
    takes: '--capacity N --from N --to N [--max N] [--warm-up SECONDS]',
    least: 0,
    most: 0,
    run: async (_, options) => (await import('./commands/simulate.ts')).runSimulation(options),
  },
  schema: {
    takes: '[rehearsal]',
    least: 0,
    most: 1,
    run: async ([name]) => (await import('./commands/schema.ts')).printSchema(name),
  },
};

const usage = `${Object.entries(verbs)
  .map(([verb, { takes }]) => `npm run capacity -- ${verb} ${takes}`.trimEnd())
  .join('\n')}
  smoke, run: --target URL --allow HOST --threads N; smoke, run, rehearse: --out DIR; --json
exit codes: 0 PASS, 99 FAIL, 3 INVALID, 4 regression, 2 invalid arguments, 100 to 110 the load ended early (k6's codes)`;

/** `npm run capacity -- VERB ...`. An engine that ends early exits with k6's code, from 100 to 110, and so does this command. */
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
      'baseline-repeat': { type: 'string', multiple: true, default: [] },
      capacity: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      max: { type: 'string' },
      'warm-up': { type: 'string' },
    },
  });
  const [verb = '', ...names] = positionals;
  const options: Options = { ...values, baselineRepeats: values['baseline-repeat'], warmUp: values['warm-up'] };
  const chosen = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (chosen === undefined) throw new UserError(`Expected a verb, got ${verb || 'nothing'}.\n${usage}`);
  if (names.length < chosen.least || names.length > chosen.most) {
    throw new UserError(`Expected ${`${verb} ${chosen.takes}`.trimEnd()}, got ${positionals.join(' ')}.`);
  }
  return chosen.run(names, options);
}
