/** Returns the message, or the code if there is none, as for a refused connection to a name with several addresses. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}
