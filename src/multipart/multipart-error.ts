/** A body that is not well-formed multipart; the message is fit for the client. */
export class MultipartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MultipartError';
  }
}
