import { CapacityReport } from '../lib/report-schema.ts';

/** What capacity_planning/capacity-report.schema.json holds: the report's form as JSON Schema. */
export async function printSchema(): Promise<number> {
  process.stdout.write(`${JSON.stringify(CapacityReport, null, 2)}\n`);
  return 0;
}
