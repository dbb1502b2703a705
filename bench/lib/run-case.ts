import { readCircumstances } from '../../scripts/lib/run-metadata.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { BenchCase, CaseResult, Figures, Target, Verdict } from './bench-case.ts';

/** The contestants take turns within each round, so that whatever else the machine does meets all of them. */
export async function runCase(
  benchCase: BenchCase,
  options: { rounds: number; command: string; say: (line: string) => void },
): Promise<CaseResult> {
  const undos: (() => unknown)[] = [];
  try {
    const { contestants, targets, circumstances } = await benchCase.open((undo) => undos.push(undo));
    const measured = contestants.map(({ name }) => ({ name, rounds: [] as Figures[] }));
    for (let number = 0; number <= options.rounds; number += 1) {
      for (const [i, contestant] of contestants.entries()) {
        const figures = await contestant.run({ number, isWarmUp: number === 0 });
        options.say(`${number === 0 ? 'warm-up' : `round ${number}`}: ${contestant.name}: ${JSON.stringify(figures)}`);
        if (number > 0) measured[i]?.rounds.push(figures);
      }
    }
    return {
      name: benchCase.name,
      summary: benchCase.summary,
      circumstances: { ...readCircumstances(options.command), ...circumstances },
      rounds: options.rounds,
      contestants: measured,
      verdicts: targets.map((target) => judge(target, measured)),
    };
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

function judge(target: Target, measured: CaseResult['contestants']): Verdict {
  const mine = valuesOf(target.of, measured);
  const theirs = target.against === undefined ? mine.map(() => 1) : valuesOf(target.against, measured);
  const value = median(mine.map((figure, i) => figure / (theirs[i] ?? Number.NaN)));
  return { ...target, value, isReached: target.is === '<=' ? value <= target.bound : value >= target.bound };
}

function valuesOf([contestant, figure]: Target['of'], measured: CaseResult['contestants']): number[] {
  const found = measured.find(({ name }) => name === contestant);
  if (found === undefined) throw new Error(`Expected a target to name a contestant, got ${contestant}`);
  return found.rounds.map((figures) => figures[figure] ?? Number.NaN);
}
