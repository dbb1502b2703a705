import type { Defer } from '../../scripts/lib/defer.ts';

/** The figures of one candidate in one round. A name ends with its unit (`cpuUsPerRequest`, `p99Ms`). */
export type Figures = Readonly<Record<string, number>>;

export interface Candidate {
  readonly name: string;
  /** Runs one round and returns what it cost. The warm-up is an extra call before the first round. */
  run(round: Round): Promise<Figures>;
}

export interface Round {
  /** 0 is the warm-up. Its figures are dropped, so it may be shorter. */
  readonly number: number;
  readonly isWarmUp: boolean;
}

/** A candidate's name and the name of its figure. */
export type FigureName = readonly [candidate: string, figure: string];

/**
 * A bound for a figure, or for its ratio to another candidate's figure in the same round. The median over all rounds is
 * compared with the bound.
 */
export interface Target {
  readonly what: string;
  readonly of: FigureName;
  readonly against: FigureName | undefined;
  readonly is: '<=' | '>=';
  readonly bound: number;
}

export function atMost(what: string, of: FigureName, bound: number, against?: FigureName): Target {
  return { what, of, against, is: '<=', bound };
}

export function atLeast(what: string, of: FigureName, bound: number, against?: FigureName): Target {
  return { what, of, against, is: '>=', bound };
}

export interface OpenCase {
  readonly candidates: readonly Candidate[];
  readonly targets: readonly Target[];
  /** Settings that a reader needs to repeat the run. */
  readonly runMetadata?: Readonly<Record<string, unknown>>;
}

export interface BenchCase {
  readonly name: string;
  /** One sentence that says what is compared. */
  readonly summary: string;
  /** Starts what the candidates need. Functions passed to `defer` run at the end, in reverse order. */
  open(defer: Defer): Promise<OpenCase>;
  /** Renders a Markdown report, which is stored beside the raw figures. */
  renderReport?(result: CaseResult): string;
}

export interface CaseResult {
  readonly name: string;
  readonly summary: string;
  readonly runMetadata: Readonly<Record<string, unknown>>;
  readonly rounds: number;
  /** Every figure of every round, as measured. */
  readonly candidates: readonly { readonly name: string; readonly rounds: readonly Figures[] }[];
  readonly verdicts: readonly Verdict[];
}

export interface CaseFailure {
  readonly name: string;
  readonly reason: string;
}

export interface Verdict extends Target {
  /** The median over the rounds, of the figure or of the ratio. */
  readonly value: number;
  readonly isReached: boolean;
}
