/** The codes of k6 itself, so that whoever runs a scenario need not know by which engine. */
export const exitCodes = {
  thresholdsFailed: 99,
  setupTimeout: 100,
  teardownTimeout: 101,
  invalidConfig: 104,
  externalAbort: 105,
  scriptException: 107,
  scriptAborted: 108,
} as const;

/** Ends a run with a code of its own. */
export class RunFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'RunFailure';
    this.exitCode = exitCode;
  }
}

/** What k6 can do and this engine cannot: never ignored, since a scenario would then measure something else. */
export function refuse(what: string, instead = 'run it by k6 itself'): RunFailure {
  return new RunFailure(`${what} is not part of this engine: ${instead}`, exitCodes.invalidConfig);
}
