import { median } from '../../scripts/lib/statistics.ts';
import type { CaseFailure, CaseResult, Verdict } from './bench-case.ts';

/** Renders each candidate's figures: the median over the rounds, and the lowest and highest value. */
export function renderFigures(result: CaseResult): string {
  const rows = result.candidates.flatMap(({ name, rounds }) =>
    Object.keys(rounds[0] ?? {}).map((figure, i) => {
      const values = rounds.map((each) => each[figure] ?? Number.NaN);
      const range = `${format(Math.min(...values))} - ${format(Math.max(...values))}`;
      return [i === 0 ? name : '', figure, format(median(values)), range];
    }),
  );
  return renderTable([`${result.name}: candidate`, 'figure', 'median', 'range'], rows);
}

/** Renders one table for all cases: every target, and every case that failed to run. */
export function renderVerdicts(results: readonly CaseResult[], failures: readonly CaseFailure[] = []): string {
  const rows = results.flatMap(({ name, verdicts }) => verdicts.map((verdict) => [name, ...describe(verdict)]));
  const failed = failures.map(({ name, reason }) => [name, reason.split('\n')[0] ?? '', '', '', 'NOT RUN']);
  return renderTable(['case', 'what', 'value', 'target', ''], [...rows, ...failed]);
}

/** Renders the targets of one case, for its report. */
export function renderTargets({ verdicts }: CaseResult): string {
  return renderTable(['what', 'value', 'target', ''], verdicts.map(describe));
}

/** Returns a function that reads the median of a candidate's figure over the rounds. */
export function openFigures({ candidates }: CaseResult) {
  return (name: string, figure: string): number => {
    const rounds = candidates.find((candidate) => candidate.name === name)?.rounds ?? [];
    return median(rounds.map((figures) => figures[figure] ?? Number.NaN));
  };
}

/** Says which command wrote a report, when, from which commit and on which machine. */
export function describeRun({ runMetadata, rounds }: CaseResult): string {
  const machine = runMetadata['machine'] as { processor: string; processors: number };
  return (
    `Written by \`${runMetadata['command']}\` on ${runMetadata['date']}, commit ${runMetadata['commit']}, ` +
    `on ${machine.processors} x ${machine.processor}; medians of ${rounds} rounds.`
  );
}

function describe({ what, value, is, bound, isReached }: Verdict): string[] {
  return [what, format(value), `${is} ${format(bound)}`, isReached ? 'reached' : 'MISSED'];
}

function format(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  const size = Math.abs(value);
  if (size >= 1000) return String(Math.round(value));
  return size === 0 ? '0' : String(Number(value.toPrecision(4)));
}

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}
