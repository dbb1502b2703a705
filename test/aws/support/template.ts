import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { runTool } from '../../../scripts/lib/run-tool.ts';
import { requireSetting } from '../../support/settings.ts';

export interface Template {
  Parameters: Record<string, { Type: string; Default?: string | number }>;
  Resources: Record<string, Resource>;
}

export interface Resource {
  Type: string;
  Condition?: string;
  DeletionPolicy?: string;
  Properties: Record<string, unknown>;
}

/** Renders the template with the start scripts, as CloudFormation gets it. */
export async function renderTemplate(folder: string): Promise<string> {
  const { stdout } = await runTool(join(rootFolder, 'scripts/aws/render'), []);
  const path = join(folder, 'template.yaml');
  writeFileSync(path, stdout);
  return path;
}

/** Reads it with the linter's parser, which expands CloudFormation's short forms. */
export function readTemplate(path: string): Template {
  const python = join(requireSetting('CFN_LINT'), '../python');
  const line =
    'import sys, json, datetime; from cfnlint.decode import decode; print(json.dumps(decode(sys.argv[1])[0], default=str))';
  const { stdout, stderr, status } = spawnSync(python, ['-c', line, path], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Template;
}

/** Returns the value at `place` (`A.0.B`) in a resource's properties. */
export function readProperty<T>(template: Template, name: string, place: string): T {
  let found: unknown = template.Resources[name]?.Properties;
  for (const step of place.split('.')) found = (found as Record<string, unknown> | undefined)?.[step];
  if (found === undefined) throw new Error(`Expected ${name} to have ${place}, got nothing`);
  return found as T;
}
