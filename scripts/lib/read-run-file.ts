import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Values } from '../../src/config.ts';
import type { RunFile } from '../dev/start/run-file.ts';
import { UserError } from './user-error.ts';

/** The service that runs from DATA_DIR; undefined where none does. */
export async function readRunFile(env: Values): Promise<RunFile | undefined> {
  const text = await readFile(pathFor(env), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as RunFile);
}

/** For a tool whose settings name no service: there has to be one that runs. */
export async function expectRunFile(env: Values): Promise<RunFile> {
  const found = await readRunFile(env);
  if (found !== undefined) return found;
  throw new UserError(
    `Expected DATABASE_URL to be set or a service to be running (npm start, ${pathFor(env)}), got neither.`,
  );
}

function pathFor(env: Values): string {
  return join(env['DATA_DIR'] || '.data', 'run.json');
}
