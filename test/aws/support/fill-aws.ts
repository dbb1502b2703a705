import {
  CreateSecretCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

/** Writes the settings of the service to the emulator, replacing existing ones. */
export async function fillAws(
  endpoint: string,
  values: Record<string, string>,
  ownParameters: Record<string, string> = {},
): Promise<void> {
  const database = new URL(values['DATABASE_URL'] ?? '');
  const secrets = {
    'app/database-credentials': {
      username: decodeURIComponent(database.username),
      password: decodeURIComponent(database.password),
      host: database.hostname,
      port: Number(database.port),
      dbname: database.pathname.slice(1),
    },
    'app/jwt-secret': { key: values['SECRET_KEY'] },
  };
  const parameters = {
    '/app/redis-hostname': 'some-other-host',
    '/app/redis-worker-url': values['REDIS_URL'],
    '/app/s3-bucket': values['S3_BUCKET_NAME'],
    '/app/aws-account-id': values['AWS_ACCOUNT_ID'],
    ...ownParameters,
  };
  const place = { endpoint, region: 'us-east-1' };
  const [manager, store] = [new SecretsManagerClient(place), new SSMClient(place)];
  try {
    for (const [name, value] of Object.entries(secrets)) await putSecret(manager, name, JSON.stringify(value));
    for (const [Name, Value] of Object.entries(parameters)) {
      await store.send(new PutParameterCommand({ Name, Value, Type: 'SecureString', Overwrite: true }));
    }
  } finally {
    manager.destroy();
    store.destroy();
  }
}

async function putSecret(manager: SecretsManagerClient, id: string, text: string): Promise<void> {
  try {
    await manager.send(new CreateSecretCommand({ Name: id, SecretString: text }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
    await manager.send(new PutSecretValueCommand({ SecretId: id, SecretString: text }));
  }
}
