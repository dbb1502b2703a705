import { hostname } from 'node:os';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Values } from './config.ts';
import { ConfigError } from './errors.ts';
import { settingsCallAttempts, settingsCallDeadlineMs } from './limits.ts';
import { withTimeout } from './with-timeout.ts';

interface Source {
  /** Resolves to undefined when the value cannot be read. `errors` then contains the reason. */
  secret(name: string): Promise<Record<string, unknown> | undefined>;
  parameter(name: string): Promise<string | undefined>;
  errors: string[];
  close(): void;
}

/** Reads all settings from Secrets Manager and Parameter Store at once. Throws one ConfigError that names every missing value. */
export async function readAwsSettings(env: Values, withTokenKey: boolean): Promise<Values> {
  const source = openSource(env);
  const [database, jwt, redisUrl, bucket, accountId] = await Promise.all([
    source.secret('app/database-credentials'),
    withTokenKey ? source.secret('app/jwt-secret') : undefined,
    readRedisUrl(source),
    source.parameter('/app/s3-bucket'),
    source.parameter('/app/aws-account-id'),
  ]);
  source.close();
  const values: Values = {
    DATABASE_URL: database && buildDatabaseUrl(database, source.errors),
    DATABASE_PASSWORD_NEXT: readOptional(database, 'app/database-credentials', 'next_password', source.errors),
    SECRET_KEY: jwt && readField(jwt, 'app/jwt-secret', 'key', source.errors),
    SECRET_KEY_PREVIOUS: readOptional(jwt, 'app/jwt-secret', 'previous_key', source.errors),
    REDIS_URL: redisUrl,
    S3_BUCKET_NAME: bucket,
    AWS_ACCOUNT_ID: accountId,
  };
  if (source.errors.length > 0) {
    throw new ConfigError(`Cannot start with the settings from AWS: ${source.errors.sort().join('; ')}.`);
  }
  return values;
}

/** Reads the URL of Redis, which runs on this host or on another one. Only the parameter for this host must exist. */
async function readRedisUrl(source: Source): Promise<string | undefined> {
  const redisHostname = await source.parameter('/app/redis-hostname');
  if (redisHostname === undefined) return undefined;
  return source.parameter(redisHostname === hostname() ? '/app/redis-local' : '/app/redis-worker-url');
}

function buildDatabaseUrl(secret: Record<string, unknown>, errors: string[]): string {
  const read = (field: string) => readField(secret, 'app/database-credentials', field, errors);
  const [username, password, dbname] = ['username', 'password', 'dbname'].map((field) =>
    encodeURIComponent(read(field)),
  );
  const host = read('host');
  // Optional, unknown to an older system's secret: how the database's certificate is verified.
  const tls = secret['sslmode'] == null ? '' : `?sslmode=${encodeURIComponent(read('sslmode'))}`;
  return `postgresql://${username}:${password}@${host.includes(':') ? `[${host}]` : host}:${read('port')}/${dbname}${tls}`;
}

/** Reads a field that exists only while a rotation runs. */
function readOptional(
  secret: Record<string, unknown> | undefined,
  name: string,
  field: string,
  errors: string[],
): string | undefined {
  return secret?.[field] == null ? undefined : readField(secret, name, field, errors);
}

/** Reads a field as text. Numbers are accepted, because RDS writes the port as a number. */
function readField(secret: Record<string, unknown>, name: string, field: string, errors: string[]): string {
  const value = secret[field];
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value !== '') return value;
  errors.push(`Expected ${field} of secret ${name} to be a text, got ${describeType(value)}`);
  return '';
}

function describeType(value: unknown): string {
  if (value === '') return 'an empty text';
  return value == null ? 'nothing' : `a value of type ${typeof value}`;
}

function openSource(env: Values): Source {
  const errors: string[] = [];
  const endpoint = env['AWS_ENDPOINT_URL'];
  const settings = {
    region: env['AWS_REGION'] || 'us-east-1',
    maxAttempts: settingsCallAttempts,
    ...(endpoint ? { endpoint } : {}),
  };
  const secrets = new SecretsManagerClient(settings);
  const parameters = new SSMClient(settings);

  async function read<T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      // The signal ends the request. The time-out also covers the lookup of credentials, which takes no signal.
      const answer = call(AbortSignal.timeout(settingsCallDeadlineMs));
      return await withTimeout(answer, settingsCallDeadlineMs, () => new DOMException('too late', 'TimeoutError'));
    } catch (error) {
      errors.push(`${what} cannot be read (${error instanceof Error ? error.name : 'unknown'})`);
      return undefined;
    }
  }

  return {
    errors,

    async secret(name) {
      const command = new GetSecretValueCommand({ SecretId: name });
      const answer = await read(`secret ${name}`, (abortSignal) => secrets.send(command, { abortSignal }));
      if (answer === undefined) return undefined;
      const fields = parseObject(answer.SecretString ?? '');
      if (fields === undefined) errors.push(`Expected secret ${name} to be a JSON object, got other text`);
      return fields;
    },

    async parameter(name) {
      const command = new GetParameterCommand({ Name: name, WithDecryption: true });
      const answer = await read(`parameter ${name}`, (abortSignal) => parameters.send(command, { abortSignal }));
      if (answer === undefined) return undefined;
      const value = answer.Parameter?.Value?.trim();
      if (!value) errors.push(`Expected parameter ${name} to have a value, got none`);
      return value || undefined;
    },

    close() {
      secrets.destroy();
      parameters.destroy();
    },
  };
}

/** Returns undefined for text that is no JSON object. Reports neither the text, a secret, nor the parser's message, which quotes it. */
function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
