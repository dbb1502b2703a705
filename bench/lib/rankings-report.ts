import type { CaseResult } from './bench-case.ts';
import { type Plan, rankingQueries } from './ranking-queries.ts';
import { describeRun, openFigures, renderTable, renderTargets } from './tables.ts';

/** Renders the report of the rankings-scale case. Every figure in it comes from the result. */
export function renderRankingsReport(result: CaseResult): string {
  const read = openFigures(result);
  const names = result.candidates.map(({ name }) => name);
  const row = (title: string, figure: string) => [title, ...names.map((name) => read(name, figure).toFixed(3))];
  const plans = result.runMetadata['plans'] as readonly Plan[];
  const sections = [
    '# Rankings, from ten thousand votes to ten million',
    `${describeRun(result)} All figures are milliseconds. A query is what a refresh of the response cache sends to\nPostgreSQL; a request is answered from that cache.`,
    renderTable(
      ['', ...names],
      [
        ...rankingQueries.map(({ figure, what }) => row(`query: ${what}`, figure)),
        row('request: page 1, p50', 'requestPage1P50Ms'),
        row('request: page 901, p50', 'requestPage901P50Ms'),
      ],
    ),
    '## Targets',
    renderTargets(result),
    `## EXPLAIN (ANALYZE, BUFFERS) with ${names.at(-1)}`,
    ...plans.map(({ what, lines }) => [`### ${what}`, '', '```', ...lines, '```'].join('\n')),
  ];
  return `${sections.join('\n\n')}\n`;
}
