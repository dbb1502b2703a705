/** The file itself is at fault: no other try will help. The message is what the player reads. */
export class InvalidVideoError extends Error {
  /** What the tool said, for the log. */
  readonly lastWords: string | undefined;

  constructor(reason: string, lastWords?: string) {
    super(reason);
    this.name = 'VideoRefused';
    this.lastWords = lastWords;
  }
}
