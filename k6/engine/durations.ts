const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration of k6: `90s`, `1m30s`, `250ms`, or a number of milliseconds. */
export function parseDuration(value: unknown, what: string): number {
  if (typeof value === 'number' && value >= 0) return value;
  if (typeof value === 'string' && /^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value)) {
    const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN), 0);
  }
  if (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)) return Number(value);
  throw new Error(`Expected ${what} to be a duration such as 1m30s, got ${JSON.stringify(value)}`);
}
