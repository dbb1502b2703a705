import type { Values } from '../../src/config.ts';
import { readSettings } from '../../src/settings.ts';
import { expectRunFile } from './run-file.ts';

export interface FoundDatabase {
  databaseUrl: string;
  nextPassword: string | undefined;
  legacyTimeZone: string;
}

/** The database that the settings name, else that of the service which runs from DATA_DIR. */
export async function findDatabase(env: Values): Promise<FoundDatabase> {
  const values = await readSettings(env, { withTokenKey: false });
  const databaseUrl = values['DATABASE_URL'] || (await expectRunFile(env)).databaseUrl;
  const nextPassword = values['DATABASE_PASSWORD_NEXT'] || undefined;
  return { databaseUrl, nextPassword, legacyTimeZone: values['LEGACY_TIME_ZONE'] || 'UTC' };
}
