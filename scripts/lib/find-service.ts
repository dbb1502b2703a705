import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, loadConfig, type Values } from '../../src/config.ts';
import { readSettings } from '../../src/settings.ts';
import { UserError } from './user-error.ts';

interface RunFile {
  databaseUrl: string;
  redisUrl: string;
  secretKey: string;
  s3: { endpoint?: string; bucket: string; accessKeyId?: string; secretAccessKey?: string; accountId?: string };
}

/** The settings of the environment where it has any, else of the service that runs from DATA_DIR. */
export async function findService(env: Values): Promise<Config> {
  if (env['DATABASE_URL'] || env['SETTINGS_SOURCE']) return loadConfig(await readSettings(env));
  const path = join(env['DATA_DIR'] || '.data', 'run.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new UserError(`Expected DATABASE_URL to be set or a service to run (npm start, ${path}), got neither.`);
  }
  const { databaseUrl, redisUrl, secretKey, s3 } = JSON.parse(text) as RunFile;
  return loadConfig({
    ...env,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    SECRET_KEY: secretKey,
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET_NAME: s3.bucket,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_ACCOUNT_ID: s3.accountId,
  });
}
