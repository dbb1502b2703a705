import { join } from 'node:path';

export interface Options {
  target?: string | undefined;
  allow: readonly string[];
  out?: string | undefined;
  threads: string;
  json: boolean;
  brief: boolean;
  pair: readonly string[];
  capacity?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  max?: string | undefined;
  warmUp?: string | undefined;
}

export const exitCodes = { pass: 0, failed: 99, invalid: 3, regression: 4 } as const;

/** Where a run's files go: --out, else a folder of its own beside the service's state. */
export function findFolder({ out }: Options, name: string): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  return out ?? join(process.env['DATA_DIR'] || '.data', 'capacity', `${name}-${stamp}`);
}
