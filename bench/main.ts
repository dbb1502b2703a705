import { parseArgs } from 'node:util';
import { runCommand } from '../scripts/lib/run-command.ts';
import { UserError } from '../scripts/lib/user-error.ts';
import { cases } from './cases.ts';
import type { CaseFailure, CaseResult } from './lib/bench-case.ts';
import { keepResult } from './lib/results.ts';
import { runCase } from './lib/run-case.ts';
import { renderFigures, renderVerdicts } from './lib/tables.ts';

/**
 * `npm run bench -- CASE|all [--rounds N] [--json]` runs the candidates of a case in turn, writes the raw figures to
 * bench/results/ and prints them with the targets. A missed target is a result: the exit code stays 0. A case that fails to
 * run is listed in the table and the remaining cases still run.
 */
await runCommand('npm run bench -- CASE|all [--rounds N] [--json]', async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '3' }, json: { type: 'boolean' } },
  });
  const names = chooseCases(positionals);
  const rounds = readRounds(values.rounds);
  const results: CaseResult[] = [];
  const failures: CaseFailure[] = [];
  for (const name of names) {
    try {
      results.push(await measure(name, rounds));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      say(`${name} failed to run: ${reason}`);
      failures.push({ name, reason });
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else process.stdout.write(`${[...results.map(renderFigures), renderVerdicts(results, failures)].join('\n\n')}\n`);
  return failures.length === 0 ? 0 : 1;
});

async function measure(name: string, rounds: number): Promise<CaseResult> {
  const loaded = await cases[name]?.();
  if (loaded === undefined) throw new Error(`Expected a case, got ${name}`);
  const command = `npm run bench -- ${name} --rounds ${rounds}`;
  const result = await runCase(loaded.benchCase, { rounds, command, say });
  for (const path of keepResult(result, loaded.benchCase.renderReport)) say(`${path} written`);
  return result;
}

function chooseCases(positionals: readonly string[]): string[] {
  const known = Object.keys(cases);
  const [name] = positionals;
  if (name === 'all') return known;
  if (name !== undefined && positionals.length === 1 && known.includes(name)) return [name];
  throw new UserError(`Expected one case of ${[...known, 'all'].join(', ')}, got ${positionals.join(' ') || 'none'}.`);
}

function readRounds(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new UserError(`Expected --rounds to be a whole number from 1 to 99, got ${text}.`);
}

/** Standard output is reserved for the tables. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
