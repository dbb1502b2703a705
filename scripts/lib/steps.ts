/** Where the human lines of a run go. */
export type Say = (line: string) => void;

export const sayOnTerminal: Say = (line) => process.stdout.write(`${line}\n`);

/** Runs one step and says what came of it and how long it took; `describe` makes the line from the result. */
export async function step<T>(say: Say, describe: (result: T) => string, action: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await action();
  say(`${describe(result)} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return result;
}
