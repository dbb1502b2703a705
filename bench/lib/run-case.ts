import { readRunMetadata } from '../../scripts/lib/run-metadata.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { BenchCase, CaseResult, Figures, Target, Verdict } from './bench-case.ts';

/** Runs all candidates in turn within each round, so that other load on the machine affects all of them. */
export async function runCase(
  benchCase: BenchCase,
  options: { rounds: number; command: string; say: (line: string) => void },
): Promise<CaseResult> {
  const undos: (() => unknown)[] = [];
  try {
    const { candidates, targets, runMetadata } = await benchCase.open((undo) => undos.push(undo));
    const measured = candidates.map(({ name }) => ({ name, rounds: [] as Figures[] }));
    for (let number = 0; number <= options.rounds; number += 1) {
      for (const [i, candidate] of candidates.entries()) {
        const figures = await candidate.run({ number, isWarmUp: number === 0 });
        options.say(`${number === 0 ? 'warm-up' : `round ${number}`}: ${candidate.name}: ${JSON.stringify(figures)}`);
        if (number > 0) measured[i]?.rounds.push(figures);
      }
    }
    return {
      name: benchCase.name,
      summary: benchCase.summary,
      runMetadata: { ...readRunMetadata(options.command), ...runMetadata },
      rounds: options.rounds,
      candidates: measured,
      verdicts: targets.map((target) => evaluate(target, measured)),
    };
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

function evaluate(target: Target, measured: CaseResult['candidates']): Verdict {
  const figures = valuesOf(target.of, measured);
  const others = target.against && valuesOf(target.against, measured);
  const value = median(others === undefined ? figures : figures.map((figure, i) => figure / (others[i] ?? Number.NaN)));
  return { ...target, value, isReached: target.is === '<=' ? value <= target.bound : value >= target.bound };
}

function valuesOf([candidate, figure]: Target['of'], measured: CaseResult['candidates']): number[] {
  const found = measured.find(({ name }) => name === candidate);
  if (found === undefined) throw new Error(`Expected a target to name a candidate, got ${candidate}`);
  return found.rounds.map((figures) => figures[figure] ?? Number.NaN);
}
