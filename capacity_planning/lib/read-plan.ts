import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import { CapacityReport, type Plan } from './report-schema.ts';

/** As a report keeps it, but a name that nothing reads is refused: a plan with it would measure something else. */
const strict = Type.Object(CapacityReport.properties.plan.properties, { additionalProperties: false });
const validate = new Ajv().compile<Plan>(strict);

/** What k6/lib reads of the environment. A file of one's own may read whatever it likes. */
export const settingNames = [
  ...['JOURNEY', 'RATE', 'RATES', 'CAPACITY', 'STEPS', 'SECONDS', 'REST_SECONDS', 'WARM_UP_SECONDS', 'VUS'],
  ...['CONCURRENCY', 'THINK_MS', 'USERS', 'DATASET', 'VIDEO', 'TARGET', 'ALLOW_TARGET', 'SUMMARY', 'FIRST'],
];

/** A plan is a name in capacity_planning/plans or a file of one's own. */
export function readPlan(name: string): Plan {
  const plans = join(rootFolder, 'capacity_planning', 'plans');
  const known = join(plans, `${name}.json`);
  const path = existsSync(known) ? known : name;
  if (!existsSync(path)) {
    const names = readdirSync(plans).map((file) => file.replace(/\.json$/, ''));
    throw new UserError(`Expected a plan of capacity_planning/plans (${names.join(', ')}) or a file, got ${name}.`);
  }
  const plan = parse(path);
  if (!validate(plan)) {
    const [fault] = validate.errors ?? [];
    const what = `${fault?.instancePath} ${fault?.message} ${fault?.params['additionalProperty'] ?? ''}`;
    throw new UserError(`Expected ${path} to be a plan (capacity_planning/README.md), got: ${what.trim()}.`);
  }
  const script = findScript(plan.scenario);
  if (!existsSync(script)) throw new UserError(`Expected the scenario of ${path} to be there, got no ${script}.`);
  const unknown = Object.keys(plan.env).find((setting) => !settingNames.includes(setting));
  if (unknown !== undefined && !plan.scenario.endsWith('.ts'))
    throw new UserError(`Expected the settings of ${path} to be some of ${settingNames.join(', ')}, got ${unknown}.`);
  return plan;
}

/** A scenario is a name in k6 or a file of one's own. */
export function findScript(scenario: string): string {
  return scenario.endsWith('.ts') ? scenario : join(rootFolder, 'k6', `${scenario}.ts`);
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`Expected ${path} to be a plan in JSON, got: ${String(error)}`);
  }
}
