import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { UserError } from '../../scripts/lib/user-error.ts';
import { CapacityReport } from './report-schema.ts';

const validate = new Ajv().compile<CapacityReport>(CapacityReport);

/** Reads the raw figures of a report folder. @throws UserError if the folder has no report. */
export function readReport(folder: string): CapacityReport {
  const path = join(folder, 'report.json');
  if (!existsSync(path)) throw new UserError(`Expected ${path} to exist, got no such file.`);
  return checkReport(JSON.parse(readFileSync(path, 'utf8')), path);
}

export function checkReport(value: unknown, path: string): CapacityReport {
  if (validate(value)) return value;
  const [error] = validate.errors ?? [];
  throw new UserError(`Expected ${path} to be a capacity-report/v1, got ${error?.instancePath} ${error?.message}.`);
}
