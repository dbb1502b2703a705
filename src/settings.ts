import type { Values } from './config.ts';
import { ConfigError } from './errors.ts';

/**
 * Where the settings come from: the environment, or AWS when SETTINGS_SOURCE says so, never a mix of the two. What
 * belongs to one process rather than to the installation (ports, folders, log level) is the environment's in either case. A process that has nothing to do with tokens does not ask for their key.
 */
export async function readSettings(env: Values, { withTokenKey = true } = {}): Promise<Values> {
  const source = env['SETTINGS_SOURCE'] || 'env';
  if (source === 'env') return { ...env };
  if (source !== 'aws') {
    throw new ConfigError(`Cannot start: Expected SETTINGS_SOURCE to be env or aws, got ${JSON.stringify(source)}.`);
  }
  // Loaded only where it is used: the AWS clients take memory that most processes have no use for.
  const { readAwsSettings } = await import('./aws-settings.ts');
  const ownedByAws = Object.fromEntries(namesOwnedByAws.map((name) => [name, undefined]));
  return { ...env, ...ownedByAws, ...(await readAwsSettings(env, withTokenKey)) };
}

/** What the environment says of these counts for nothing under SETTINGS_SOURCE=aws; there the instance's role signs. */
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
