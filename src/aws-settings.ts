import { hostname } from 'node:os';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Values } from './config.ts';
import { ConfigError } from './errors.ts';
import { settingsCallAttempts, settingsCallDeadlineMs } from './limits.ts';
import { withTimeout } from './with-timeout.ts';

interface Source {
  /** Undefined when it cannot be had; the reason is then in the faults. */
  secret(name: string): Promise<Record<string, unknown> | undefined>;
  parameter(name: string): Promise<string | undefined>;
  faults: string[];
  close(): void;
}

/** Asks Secrets Manager and Parameter Store for everything at once. Throws one ConfigError that names all that is missing. */
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
    DATABASE_URL: database && buildDatabaseUrl(database, source.faults),
    DATABASE_PASSWORD_NEXT: readOptional(database, 'app/database-credentials', 'next_password', source.faults),
    SECRET_KEY: jwt && readField(jwt, 'app/jwt-secret', 'key', source.faults),
    SECRET_KEY_PREVIOUS: readOptional(jwt, 'app/jwt-secret', 'previous_key', source.faults),
    REDIS_URL: redisUrl,
    S3_BUCKET_NAME: bucket,
    AWS_ACCOUNT_ID: accountId,
  };
  if (source.faults.length > 0) {
    throw new ConfigError(`Cannot start with the settings from AWS: ${source.faults.sort().join('; ')}.`);
  }
  return values;
}

/** Redis is on this very host or on another one; the parameter that is not for this host need not be there. */
async function readRedisUrl(source: Source): Promise<string | undefined> {
  const redisHostname = await source.parameter('/app/redis-hostname');
  if (redisHostname === undefined) return undefined;
  return source.parameter(redisHostname === hostname() ? '/app/redis-local' : '/app/redis-worker-url');
}

function buildDatabaseUrl(secret: Record<string, unknown>, faults: string[]): string {
  const read = (field: string) => readField(secret, 'app/database-credentials', field, faults);
  const [username, password, dbname] = ['username', 'password', 'dbname'].map((field) =>
    encodeURIComponent(read(field)),
  );
  const host = read('host');
  // Beyond what the contract names: how far the database's certificate is to be trusted.
  const tls = secret['sslmode'] == null ? '' : `?sslmode=${encodeURIComponent(read('sslmode'))}`;
  return `postgresql://${username}:${password}@${host.includes(':') ? `[${host}]` : host}:${read('port')}/${dbname}${tls}`;
}

/** Beyond what the contract names: there while a rotation is under way. */
function readOptional(
  secret: Record<string, unknown> | undefined,
  name: string,
  field: string,
  faults: string[],
): string | undefined {
  return secret?.[field] == null ? undefined : readField(secret, name, field, faults);
}

/** Numbers count as the text they are written as: RDS writes its port as one. */
function readField(secret: Record<string, unknown>, name: string, field: string, faults: string[]): string {
  const value = secret[field];
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value !== '') return value;
  faults.push(`secret ${name} has no text under ${field}`);
  return '';
}

function openSource(env: Values): Source {
  const faults: string[] = [];
  const endpoint = env['AWS_ENDPOINT_URL'];
  const settings = {
    region: env['AWS_REGION'] || 'us-east-1',
    maxAttempts: settingsCallAttempts,
    ...(endpoint ? { endpoint } : {}),
  };
  const secrets = new SecretsManagerClient(settings);
  const parameters = new SSMClient(settings);

  async function ask<T>(what: string, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      // The signal ends the request; the race also covers the search for credentials, which knows no signal.
      const answer = call(AbortSignal.timeout(settingsCallDeadlineMs));
      return await withTimeout(answer, settingsCallDeadlineMs, () => new DOMException('too late', 'TimeoutError'));
    } catch (error) {
      faults.push(`${what} cannot be read (${error instanceof Error ? error.name : 'unknown'})`);
      return undefined;
    }
  }

  return {
    faults,

    async secret(name) {
      const command = new GetSecretValueCommand({ SecretId: name });
      const answer = await ask(`secret ${name}`, (abortSignal) => secrets.send(command, { abortSignal }));
      if (answer === undefined) return undefined;
      const fields = parseObject(answer.SecretString ?? '');
      if (fields === undefined) faults.push(`secret ${name} is no JSON object`);
      return fields;
    },

    async parameter(name) {
      const command = new GetParameterCommand({ Name: name, WithDecryption: true });
      const answer = await ask(`parameter ${name}`, (abortSignal) => parameters.send(command, { abortSignal }));
      if (answer === undefined) return undefined;
      const value = answer.Parameter?.Value?.trim();
      if (!value) faults.push(`parameter ${name} is empty`);
      return value || undefined;
    },

    close() {
      secrets.destroy();
      parameters.destroy();
    },
  };
}

/** A text that cannot be parsed is not repeated, nor is the parser's message, which would quote it: it is a secret. */
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
