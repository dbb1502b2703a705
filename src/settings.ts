import type { Values } from './config.ts';
import { ConfigError } from './errors.ts';

/**
 * Reads the settings from the environment, or from AWS when SETTINGS_SOURCE is `aws`. A setting never has both sources: those of a
 * single process (ports, folders, log level) always come from the environment.
 */
export async function readSettings(env: Values): Promise<Values> {
  const source = env['SETTINGS_SOURCE'] || 'env';
  if (source === 'env') return { ...env };
  if (source !== 'aws') {
    throw new ConfigError(`Cannot start: expected SETTINGS_SOURCE to be env or aws, got ${JSON.stringify(source)}.`);
  }
  // Imported only when used, since the AWS clients take memory.
  const { readAwsSettings } = await import('./aws-settings.ts');
  const ownedByAws = Object.fromEntries(namesOwnedByAws.map((name) => [name, undefined]));
  return { ...env, ...ownedByAws, ...(await readAwsSettings(env)) };
}

/** Settings that the environment cannot set under SETTINGS_SOURCE=aws. There the instance's role signs calls to S3. */
const namesOwnedByAws = [
  'DATABASE_URL',
  'DATABASE_PASSWORD_NEXT',
  'REDIS_URL',
  'SECRET_KEY',
  'SECRET_KEY_PREVIOUS',
  'S3_BUCKET_NAME',
  'AWS_ACCOUNT_ID',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
];
