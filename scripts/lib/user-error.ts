/** A failure the person at the terminal can mend: its message is the one sentence they are shown, without a stack. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserError';
  }
}
