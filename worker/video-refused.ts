/** The file itself is at fault: no other try will help. The message is what the player reads. */
export class VideoRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'VideoRefused';
  }
}
