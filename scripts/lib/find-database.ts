import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Values } from '../../src/config.ts';
import { readSettings } from '../../src/settings.ts';
import { UserError } from './user-error.ts';

export interface FoundDatabase {
  databaseUrl: string;
  legacyTimeZone: string;
}

/** The database that the settings name, else that of the service which runs from DATA_DIR. */
export async function findDatabase(env: Values): Promise<FoundDatabase> {
  const values = await readSettings(env);
  const databaseUrl = values['DATABASE_URL'] || (await readRunningService(env['DATA_DIR'] || '.data'));
  return { databaseUrl, legacyTimeZone: values['LEGACY_TIME_ZONE'] || 'UTC' };
}

async function readRunningService(dataDir: string): Promise<string> {
  const path = join(dataDir, 'run.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UserError(
      `Expected DATABASE_URL to be set or a service to run from ${dataDir} (npm start), got neither.`,
    );
  }
  const { databaseUrl } = JSON.parse(text) as { databaseUrl?: unknown };
  if (typeof databaseUrl !== 'string') throw new UserError(`Expected ${path} to name a databaseUrl, got none.`);
  return databaseUrl;
}
