import type { Defer } from '../../scripts/lib/defer.ts';

/** What a candidate did in one round: each figure by its name, with the unit last (`cpuUsPerRequest`, `p99Ms`). */
export type Figures = Readonly<Record<string, number>>;

export interface Candidate {
  readonly name: string;
  /** One round: the load, and what it cost. Called once more before the rounds, to warm up. */
  run(round: Round): Promise<Figures>;
}

export interface Round {
  /** 0 is the warm-up, whose figures are dropped: it may be shorter. */
  readonly number: number;
  readonly isWarmUp: boolean;
}

/**
 * One figure of a candidate, divided by a figure of another one in the same round (by nothing: taken as it is), against a
 * bound. What counts is the median over the rounds.
 */
export interface Target {
  readonly what: string;
  readonly of: FigureName;
  readonly against?: FigureName;
  readonly is: '<=' | '>=';
  readonly bound: number;
}

/** A candidate's name and the name of its figure. */
export type FigureName = readonly [candidate: string, figure: string];

export interface OpenCase {
  readonly candidates: readonly Candidate[];
  readonly targets: readonly Target[];
  /** What else somebody needs to know who wants the same figures again. */
  readonly runMetadata?: Readonly<Record<string, unknown>>;
}

export interface BenchCase {
  readonly name: string;
  /** One sentence: what is compared. */
  readonly summary: string;
  /** Starts what the candidates need; whatever is given to `defer` is run at the end, the last first. */
  open(defer: Defer): Promise<OpenCase>;
  /** Writes what people read of the result, beside the raw figures; the path, from the repository's top. */
  writeReport?(result: CaseResult): string;
}

export interface CaseResult {
  readonly name: string;
  readonly summary: string;
  readonly runMetadata: Readonly<Record<string, unknown>>;
  readonly rounds: number;
  /** Every figure of every round, as it was measured. */
  readonly candidates: readonly { readonly name: string; readonly rounds: readonly Figures[] }[];
  readonly verdicts: readonly Verdict[];
}

export interface CaseFailure {
  readonly name: string;
  readonly reason: string;
}

export interface Verdict extends Target {
  /** The median over the rounds, of the ratio or of the figure itself. */
  readonly value: number;
  readonly isReached: boolean;
}
