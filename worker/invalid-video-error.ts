/** The uploaded file is invalid, so a retry cannot succeed. The player reads the message. */
export class InvalidVideoError extends Error {
  /** The tool's last lines of output, for the log. */
  readonly toolOutput: string | undefined;

  constructor(reason: string, toolOutput?: string) {
    super(reason);
    this.name = 'InvalidVideoError';
    this.toolOutput = toolOutput;
  }
}
