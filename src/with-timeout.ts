/** Rejects with `createError()` when `promise` has not settled within `timeoutMs`. The work behind the promise is not ended. */
export async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, createError: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(createError()), timeoutMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `promise` has settled, or after `timeoutMs`, whichever comes first. Never rejects. */
export async function settleWithin(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  await withTimeout(promise, timeoutMs, () => new Error('timed out')).catch(() => undefined);
}
