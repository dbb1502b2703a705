import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import { CapacityReport, type Plan } from './report-schema.ts';

/** The plan's part of the report schema, but unknown names are rejected: a misspelled setting would be ignored. */
const strict = Type.Object(CapacityReport.properties.plan.properties, { additionalProperties: false });
const validate = new Ajv().compile<Plan>(strict);

/** The settings that k6/lib reads. A scenario outside this repository may read others. */
export const settingNames = [
  'JOURNEY RATE RATES CAPACITY STEPS SECONDS REST_SECONDS WARM_UP_SECONDS VUS'.split(' '),
  'CONCURRENCY THINK_MS USERS DATASET VIDEO TARGET ALLOW_TARGET SUMMARY FIRST'.split(' '),
].flat();

/** Reads a plan by its name in capacity_planning/plans or by its path. */
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
    const [error] = validate.errors ?? [];
    const what = `${error?.instancePath} ${error?.message} ${error?.params['additionalProperty'] ?? ''}`;
    throw new UserError(`Expected ${path} to be a plan (capacity_planning/README.md), got: ${what.trim()}.`);
  }
  const script = findScript(plan.scenario);
  if (!existsSync(script)) throw new UserError(`Expected the scenario of ${path} to exist, got no ${script}.`);
  const unknown = Object.keys(plan.env).find((setting) => !settingNames.includes(setting));
  if (unknown !== undefined && !plan.scenario.endsWith('.ts'))
    throw new UserError(`Expected the settings of ${path} to be some of ${settingNames.join(', ')}, got ${unknown}.`);
  return plan;
}

/** Returns the path of a scenario, which is a name in k6/ or a path. */
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
