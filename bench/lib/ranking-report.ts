import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { CaseResult } from './bench-case.ts';
import { type Plan, questions } from './ranking-queries.ts';
import { renderTable } from './tables.ts';

/** Writes capacity_planning/rankings.md from a result, so that no figure in it was ever typed. */
export function writeRankingReport(result: CaseResult): string {
  const path = join('capacity_planning', 'rankings.md');
  mkdirSync(join(rootFolder, 'capacity_planning'), { recursive: true });
  writeFileSync(join(rootFolder, path), `${render(result).join('\n\n')}\n`);
  return path;
}

function render(result: CaseResult): string[] {
  const plans = result.runMetadata['plans'] as readonly Plan[];
  return [
    '# The ranking from ten thousand votes to ten million',
    introduce(result),
    renderTable(['', ...result.candidates.map(({ name }) => name)], tabulate(result)),
    '## Targets',
    renderTable(['what', 'value', 'target', ''], listTargets(result)),
    `## EXPLAIN (ANALYZE, BUFFERS) with ${result.candidates.at(-1)?.name}`,
    ...plans.map(({ what, lines }) => [`### ${what}`, '', '```', ...lines, '```'].join('\n')),
  ];
}

function introduce({ runMetadata, rounds }: CaseResult): string {
  const machine = runMetadata['machine'] as { processor: string; processors: number };
  return [
    `Written by \`${runMetadata['command']}\` on ${runMetadata['date']}, commit ${runMetadata['commit']}, on`,
    `${machine.processors} x ${machine.processor}; medians of ${rounds} rounds, in milliseconds. A question is what a refresh of the`,
    'prepared bytes asks of PostgreSQL; a request is answered from these bytes.',
  ].join('\n');
}

function tabulate({ candidates }: CaseResult): string[][] {
  const read = (figure: string) =>
    candidates.map(({ rounds }) => median(rounds.map((each) => each[figure] ?? Number.NaN)).toFixed(3));
  return [
    ...questions.map(({ figure, what }) => [`question: ${what}`, ...read(figure)]),
    ['request: page 1, p50', ...read('requestPage1P50Ms')],
    ['request: page 901, p50', ...read('requestPage901P50Ms')],
  ];
}

function listTargets({ verdicts }: CaseResult): string[][] {
  return verdicts.map(({ what, value, is, bound, isReached }) => [
    what,
    String(Number(value.toPrecision(3))),
    `${is} ${bound}`,
    isReached ? 'reached' : 'missed',
  ]);
}
