/** The body is not well-formed multipart. The message can be sent to the client. */
export class MultipartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MultipartError';
  }
}
