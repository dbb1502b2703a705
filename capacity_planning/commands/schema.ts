import { UserError } from '../../scripts/lib/user-error.ts';
import { CapacityReport } from '../lib/report-schema.ts';
import { RehearsalReport } from '../rehearsal/rehearsal-schema.ts';

const schemas: Record<string, unknown> = { run: CapacityReport, rehearsal: RehearsalReport };

/** Prints the JSON Schema of a report, which capacity_planning/*.schema.json hold. */
export async function printSchema(name = 'run'): Promise<number> {
  const schema = schemas[name];
  if (schema === undefined) throw new UserError(`Expected one of ${Object.keys(schemas).join(', ')}, got ${name}.`);
  process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return 0;
}
