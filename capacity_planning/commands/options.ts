import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface Options {
  target?: string | undefined;
  allow: readonly string[];
  out?: string | undefined;
  threads: string;
  json: boolean;
  brief: boolean;
  baselineRepeats: readonly string[];
  capacity?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  max?: string | undefined;
  warmUp?: string | undefined;
}

export const exitCodes = { pass: 0, failed: 99, invalid: 3, regression: 4 } as const;

/** Returns the folder for a run's files: --out, or a new folder in DATA_DIR. */
export function findFolder({ out }: Options, name: string): string {
  if (out !== undefined && statSync(out, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new UserError(`Expected --out to be a folder, got the file ${out}.`);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  return out ?? join(process.env['DATA_DIR'] || '.data', 'capacity', `${name}-${stamp}`);
}
