import { withTimeout } from '../with-timeout.ts';

/** S3 sent no byte for too long, or a call took too long as a whole. The call may be retried. */
export class ObjectStoreTimeoutError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ObjectStoreTimeoutError';
  }
}

/**
 * Rejects when `call` has not settled within `deadlineMs`, and aborts the signal passed to `call`, which also aborts with `outer`.
 * The time-outs of the client do not bound a whole call: they restart with each byte and each attempt.
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
  const abort = () => {
    deadline.abort(late);
    return late;
  };
  try {
    return await withTimeout(call(signal), deadlineMs, abort);
  } catch (error) {
    // The client uses this name for a silent connection and for a server that it could not connect to in time.
    if (error instanceof Error && error.name === 'TimeoutError' && !outer?.aborted) {
      throw new ObjectStoreTimeoutError(`S3 stopped answering during ${operation}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
