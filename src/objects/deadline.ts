import { withTimeout } from '../with-timeout.ts';

/** S3 was silent for too long, in the middle of a body as well, or a call as a whole took too long. Another try may go better. */
export class ObjectStoreTimeoutError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ObjectStoreTimeoutError';
  }
}

/**
 * Rejects when `call` has not settled in `deadlineMs`, and aborts the signal that `call` gets, which also aborts with
 * `outer`. Needed beside the client's own time-outs, which count from byte to byte and from attempt to attempt.
 */
export async function withDeadline<T>(
  operation: string,
  deadlineMs: number,
  outer: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const deadline = new AbortController();
  const late = new ObjectStoreTimeoutError(`Expected ${operation} to end within ${deadlineMs} ms`);
  const signal = outer === undefined ? deadline.signal : AbortSignal.any([outer, deadline.signal]);
  const giveUp = () => {
    deadline.abort(late);
    return late;
  };
  try {
    return await withTimeout(call(signal), deadlineMs, giveUp);
  } catch (error) {
    // The client's own name for a connection that was silent, or a server that could not be connected to in time.
    if (error instanceof Error && error.name === 'TimeoutError' && !outer?.aborted) {
      throw new ObjectStoreTimeoutError(`S3 stopped answering during ${operation}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
