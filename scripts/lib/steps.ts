/** Prints one line of progress. */
export type Say = (line: string) => void;

export const sayOnTerminal: Say = (line) => process.stdout.write(`${line}\n`);

/** Runs one step, then prints `describe(result)` and its duration. */
export async function step<T>(say: Say, describe: (result: T) => string, action: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await action();
  say(`${describe(result)} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return result;
}
