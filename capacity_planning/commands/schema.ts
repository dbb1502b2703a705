import { UserError } from '../../scripts/lib/user-error.ts';
import { CapacityReport } from '../lib/report-schema.ts';
import { RehearsalReport } from '../rehearsal/rehearsal-schema.ts';

const schemas: Record<string, unknown> = { run: CapacityReport, rehearsal: RehearsalReport };

/** What the files capacity_planning/*.schema.json hold: a report's form as JSON Schema. */
export async function printSchema(name = 'run'): Promise<number> {
  const schema = schemas[name];
  if (schema === undefined) throw new UserError(`Expected one of ${Object.keys(schemas).join(', ')}, got ${name}.`);
  process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return 0;
}
