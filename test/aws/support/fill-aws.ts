import { runTool } from '../../../scripts/lib/run-tool.ts';
import { requireSetting } from '../../support/settings.ts';

/** The settings of the service, in the emulator. By the emulator's own client for Python; the code under test reads with the AWS SDK. */
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
  const script = `
import boto3, json, sys
endpoint, secrets, parameters = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
make = lambda name: boto3.client(name, endpoint_url=endpoint, region_name='us-east-1')
for name, value in secrets.items(): make('secretsmanager').create_secret(Name=name, SecretString=json.dumps(value))
for name, value in parameters.items(): make('ssm').put_parameter(Name=name, Value=value, Type='SecureString')
`;
  const python = requireSetting('MOTO_SERVER').replace(/moto_server$/, 'python');
  await runTool(python, ['-c', script, endpoint, JSON.stringify(secrets), JSON.stringify(parameters)]);
}
