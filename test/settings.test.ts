import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import t, { type Test } from 'tap';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';
import { readSettings } from '../src/settings.ts';

// The clients look for credentials where every AWS client does; these sign requests to the stand-in below.
process.env['AWS_ACCESS_KEY_ID'] = 'testing';
process.env['AWS_SECRET_ACCESS_KEY'] = 'testing';

const inAws = {
  secrets: {
    'app/database-credentials': JSON.stringify({
      username: 'app',
      password: 'p@ss/w:rd?#%',
      host: 'db.internal',
      port: 5432,
      dbname: 'the league',
      next_password: 'the next one',
    }),
    'app/jwt-secret': JSON.stringify({ key: 'key of this year', previous_key: 'key of last year' }),
  } as Record<string, string>,
  parameters: {
    '/app/redis-hostname': 'some-other-host',
    '/app/redis-local': 'redis://127.0.0.1:6379',
    '/app/redis-worker-url': 'redis://worker.internal:6379',
    '/app/s3-bucket': 'videos',
    '/app/aws-account-id': '123456789012',
  } as Record<string, string>,
};

t.test('the environment is the source unless said otherwise', async (t) => {
  const env = { DATABASE_URL: 'postgres://a/b', PORT: '1234' };
  t.same(await readSettings(env), env);
  t.same(await readSettings({ ...env, SETTINGS_SOURCE: 'env' }), { ...env, SETTINGS_SOURCE: 'env' });
  await t.rejects(readSettings({ SETTINGS_SOURCE: 'azure' }), /SETTINGS_SOURCE to be env or aws, got "azure"/);
});

t.test('from AWS come the settings of the installation, from the environment those of the process', async (t) => {
  const values = await readSettings({ ...(await startAws(t, inAws)), PORT: '1234', LOG_LEVEL: 'warn' });
  const config = loadConfig(values);
  t.equal(config.databaseUrl, 'postgresql://app:p%40ss%2Fw%3Ard%3F%23%25@db.internal:5432/the%20league');
  t.equal(config.databaseNextPassword, 'the next one');
  t.equal(config.tokens.secretKey, 'key of this year');
  t.equal(config.tokens.previousKey, 'key of last year');
  t.equal(config.redisUrl, 'redis://worker.internal:6379');
  t.equal(config.s3.bucket, 'videos');
  t.equal(config.s3.accountId, '123456789012');
  t.equal(config.port, 1234);
  t.equal(config.logLevel, 'warn');
});

t.test('on the host of Redis it is reached locally, and the other address is not asked for', async (t) => {
  const parameters: Record<string, string> = { ...inAws.parameters, '/app/redis-hostname': hostname() };
  delete parameters['/app/redis-worker-url'];
  const values = await readSettings(await startAws(t, { ...inAws, parameters }));
  t.equal(values['REDIS_URL'], 'redis://127.0.0.1:6379');
});

t.test('the environment fills no gap and overrules nothing', async (t) => {
  const fromEnvironment = {
    DATABASE_URL: 'postgres://environment/x',
    DATABASE_PASSWORD_NEXT: 'environment',
    REDIS_URL: 'redis://environment',
    SECRET_KEY: 'environment',
    SECRET_KEY_PREVIOUS: 'environment',
    S3_BUCKET_NAME: 'environment',
    AWS_ACCOUNT_ID: '999999999999',
    AWS_ACCESS_KEY_ID: 'environment',
    AWS_SECRET_ACCESS_KEY: 'environment',
  };
  const secrets = { ...inAws.secrets, 'app/jwt-secret': JSON.stringify({ key: 'key of this year' }) };
  const values = await readSettings({ ...fromEnvironment, ...(await startAws(t, { ...inAws, secrets })) });
  for (const name of Object.keys(fromEnvironment)) t.notMatch(values[name] ?? '', /environment|999999999999/, name);
  t.equal(values['SECRET_KEY_PREVIOUS'], undefined);

  const empty = await startAws(t, { secrets: {}, parameters: {} });
  await t.rejects(readSettings({ ...fromEnvironment, ...empty }), ConfigError);
});

t.test('all missing names are reported in one sentence', async (t) => {
  const names = [...Object.keys(inAws.secrets), '/app/redis-hostname', '/app/s3-bucket', '/app/aws-account-id'];
  const message = await readMessage(await startAws(t, { secrets: {}, parameters: {} }));
  for (const name of names) t.match(message, name);
  t.equal(message.match(/\. |\.$/g)?.length, 1, message);
  for (const name of [...names, '/app/redis-worker-url']) {
    const secrets = { ...inAws.secrets };
    const parameters = { ...inAws.parameters };
    delete secrets[name];
    delete parameters[name];
    const one = await readMessage(await startAws(t, { secrets, parameters }));
    t.match(one, `${name} cannot be read (`);
    t.notOk(one.includes(';'), one);
  }
});

t.test('a secret that lacks a field, has an empty one or is no JSON is reported without its content', async (t) => {
  for (const [name, text, expected] of [
    [
      'app/database-credentials',
      '{"username":"hidden","password":"","host":"h","port":1}',
      /password.*dbname|dbname.*password/,
    ],
    ['app/jwt-secret', '{"key":"hidden","previous_key":{}}', /previous_key/],
    ['app/jwt-secret', '{"other":"hidden"}', /Expected key of secret app\/jwt-secret to be a text, got nothing/],
    ['app/jwt-secret', 'hidden', /Expected secret app\/jwt-secret to be a JSON object/],
    ['app/jwt-secret', '["hidden"]', /Expected secret app\/jwt-secret to be a JSON object/],
  ] as const) {
    const env = await startAws(t, { ...inAws, secrets: { ...inAws.secrets, [name]: text } });
    const message = await readMessage(env);
    t.match(message, expected);
    t.notMatch(message, 'hidden');
  }
});

t.test('an unreachable endpoint is reported, name by name', async (t) => {
  const message = await readMessage({ SETTINGS_SOURCE: 'aws', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
  t.match(message, 'app/database-credentials cannot be read (');
  t.match(message, '/app/s3-bucket cannot be read (');
});

async function readMessage(env: Record<string, string>): Promise<string> {
  return readSettings(env).then(
    () => 'no error',
    (error: Error) => error.message,
  );
}

/** A stand-in for the far end: it speaks the JSON protocol of Secrets Manager and Parameter Store. */
async function startAws(t: Test, { secrets, parameters }: typeof inAws): Promise<Record<string, string>> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId?: string; Name?: string };
    const isSecret = request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue';
    const value = isSecret ? secrets[sent.SecretId ?? ''] : parameters[sent.Name ?? ''];
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    if (value === undefined) {
      const type = isSecret ? 'ResourceNotFoundException' : 'ParameterNotFound';
      response.writeHead(400).end(JSON.stringify({ __type: type, message: 'not there' }));
      return;
    }
    const answer = isSecret ? { SecretString: value } : { Parameter: { Name: sent.Name, Value: value } };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { SETTINGS_SOURCE: 'aws', AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
}
