import { type Child, logTail } from './child.ts';
import { UserError } from './user-error.ts';
import { waitFor } from './wait.ts';

/**
 * Resolves when `isReady` returns true. Rejects with the end of the log if the process ends, and stops the process if it is not ready in
 * time, so that a failed start leaves no process.
 */
export async function untilReady(
  child: Child,
  { name, logPath, timeoutMs = 30_000 }: { name: string; logPath: string; timeoutMs?: number },
  isReady: () => Promise<boolean> | boolean,
): Promise<void> {
  try {
    await waitFor(`an answer from ${name}`, async () => child.hasExited() || (await isReady()), {
      timeoutMs,
      everyMs: 25,
    });
  } catch (error) {
    await child.stop(5_000);
    throw error;
  }
  if (child.hasExited()) throw new UserError(`${name} could not start:\n${logTail(logPath, 5)}`);
}

/** Whether an address answers with a 2xx status. */
export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000), headers: { connection: 'close' } });
  await response.arrayBuffer();
  return response.ok;
}
