import { createRandom, type Random } from './random.ts';

export interface FaultRun {
  rounds: number;
  seed: number;
  random: Random;
  /** Whether this is the long run. */
  isLong: boolean;
  /** Prints the last line of a case. */
  report(counts: Record<string, number>): void;
}

/** Returns the rounds and the seed of a case: few rounds in a short run, the requested number in a long one. */
export function openFaultRun(name: string, shortRounds: number, roundsFor = (rounds: number) => rounds): FaultRun {
  const asked = process.env['FAULT_ROUNDS'];
  const rounds = asked ? roundsFor(Number(asked)) : shortRounds;
  const seed = Number(process.env['FAULT_SEED'] || Date.now() % 1_000_000);
  const startedAt = performance.now();
  return {
    rounds,
    seed,
    random: createRandom(seed),
    isLong: Boolean(asked),
    report(counts) {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      const words = Object.entries(counts).map(([what, count]) => `${count} ${what.replaceAll('_', ' ')}`);
      process.stderr.write(`faults ${name}: seed ${seed}, ${rounds} rounds, ${words.join(', ')} (${seconds} s)\n`);
    },
  };
}
