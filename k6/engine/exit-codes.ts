/** The exit codes of k6, so that callers need not distinguish the engines. */
export const exitCodes = {
  thresholdsFailed: 99,
  setupTimeout: 100,
  teardownTimeout: 101,
  invalidConfig: 104,
  externalAbort: 105,
  scriptException: 107,
  scriptAborted: 108,
} as const;

/** Ends a run with the given exit code. */
export class RunFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.name = 'RunFailure';
    this.exitCode = exitCode;
  }
}

/** Rejects a feature of k6 that this engine does not have. Ignoring it would measure something else. */
export function refuse(what: string, instead = 'run it by k6 itself'): RunFailure {
  return new RunFailure(`${what} is not part of this engine: ${instead}`, exitCodes.invalidConfig);
}
