export function readNumber(name: string, otherwise: number): number {
  const text = __ENV[name] ?? String(otherwise);
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new Error(`Expected ${name} to be a number, got ${__ENV[name]}`);
}

/** Returns undefined if the setting is missing. */
export function readList(name: string): number[] | undefined {
  const values = __ENV[name]?.split(',').map(Number);
  if (values === undefined || values.every((value) => Number.isInteger(value) && value > 0)) return values;
  throw new Error(`Expected ${name} to be whole numbers separated by commas, got ${__ENV[name]}`);
}
