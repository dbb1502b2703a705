import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { openTestDatabase } from '../support/database.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer, type Player } from '../support/player.ts';
import { type RunningService, startService } from '../support/service.ts';
import { fillAws } from './support/fill-aws.ts';
import { startMoto } from './support/moto.ts';
import { startRequests } from './support/requests.ts';

t.test('while the token key is rotated, every token stays valid in every process', async (t) => {
  const environment = await createEnvironment(t);
  const { values } = environment;
  const testbed = await startTestbed(t, environment, values['DATABASE_URL'] ?? '');
  const player = await createPlayer(testbed.baseUrl);
  const requests = startRequests(testbed.baseUrl, player);
  const [old, next] = [values['SECRET_KEY'] ?? '', randomBytes(32).toString('hex')];
  // As scripts/aws/rotate does: every process knows a key before it signs a token.
  await testbed.put('app/jwt-secret', { key: old, previous_key: next });
  await testbed.restartAll();
  await testbed.put('app/jwt-secret', { key: next, previous_key: old });
  await testbed.restartAll();
  const { count, faults } = await requests.stop();
  t.strictSame(faults, []);
  t.ok(count > 50, `${count} requests`);
  t.comment(`${count} requests during the rotation of the key, 0 refused`);

  // The next rotation drops the first key. Its tokens are refused, which shows that the key changed.
  await testbed.put('app/jwt-secret', { key: next, previous_key: randomBytes(32).toString('hex') });
  await testbed.restartAll();
  t.equal((await request(`${testbed.baseUrl}/api/videos`, { token: player.token })).status, 401);
  await testbed.stop();
});

t.test('while the database password is rotated, no process is refused, restarted or not', async (t) => {
  const environment = await createEnvironment(t);
  const [old, next] = ['the old password', 'the next pässword'];
  const login = await createLogin(t, environment, old);
  const testbed = await startTestbed(t, environment, login.url);
  const player = await createPlayer(testbed.baseUrl);
  const put = (fields: Record<string, unknown>) =>
    testbed.put('app/database-credentials', { ...describeLogin(login.url), ...fields });
  let requests = startRequests(testbed.baseUrl, player);
  await put({ password: old, next_password: next });
  await testbed.restartAll();
  t.strictSame((await requests.stop()).faults, []);

  // A password change affects new connections, so all connections are reopened before and after it.
  await cutConnections(environment);
  await processVideo(t, testbed.baseUrl, player);
  await environment.sql.unsafe(`alter role ${login.name} password '${next}'`);
  await cutConnections(environment);
  requests = startRequests(testbed.baseUrl, player);
  await processVideo(t, testbed.baseUrl, player);
  await t.rejects(login.connect(old), /password authentication failed/);
  await put({ password: next });
  await testbed.restartAll();
  const { count, faults } = await requests.stop();
  t.strictSame(faults, []);
  t.comment(`${count} requests after the password had changed, 0 refused`);
  await cutConnections(environment);
  await processVideo(t, testbed.baseUrl, player);
  await testbed.stop();
});

/** Starts two web processes on one port and a worker with settings from the emulator. Each can be restarted. */
async function startTestbed(t: Test, environment: Environment, databaseUrl: string) {
  const endpoint = await startMoto(t, environment.folder);
  await fillAws(endpoint, { ...environment.values, DATABASE_URL: databaseUrl });
  const secrets = new SecretsManagerClient({ endpoint, region: 'us-east-1' });
  t.teardown(() => secrets.destroy());
  const env = { SETTINGS_SOURCE: 'aws', AWS_ENDPOINT_URL: endpoint };
  const first = await startService(t, environment, { env });
  const { port, baseUrl } = first;
  const startWeb = () => startService(t, environment, { env, port });
  const startWorker = () => startService(t, environment, { env, webProcesses: 0, worker: true });
  const makers = [startWeb, startWeb, startWorker];
  const running: RunningService[] = [first, await startWeb(), await startWorker()];
  return {
    baseUrl,

    async put(name: string, fields: Record<string, unknown>): Promise<void> {
      await secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify(fields) }));
    },

    /** Restarts one after another: the next one stops once this one is ready. */
    async restartAll(): Promise<void> {
      for (const [i, make] of makers.entries()) {
        await running[i]?.stop();
        running[i] = await make();
      }
    },

    async stop(): Promise<void> {
      for (const service of running) await service.stop();
    },
  };
}

async function processVideo(t: Test, baseUrl: string, { token }: Player): Promise<void> {
  const form = buildUploadForm(readFileSync(await makeClip()));
  const upload = await request(`${baseUrl}/api/videos/upload`, { token, ...form });
  t.equal(upload.status, 201, upload.text);
  const video = `${baseUrl}/api/videos/${upload.json<{ video_id: number }>().video_id}`;
  await waitFor(
    'the video to be processed',
    async () => (await request(video, { token })).json<{ status: string }>().status === 'processed',
    { timeoutMs: 60_000 },
  );
}

/** Creates a database login whose password only this test uses. */
async function createLogin(t: Test, { sql, values }: Environment, password: string) {
  const name = `rotation_${randomBytes(4).toString('hex')}`;
  await sql.unsafe(`create role ${name} superuser login password '${password}'`);
  t.teardown(async () => {
    const server = openTestDatabase(new URL('/postgres', values['DATABASE_URL']).href, 1);
    await server.unsafe(`drop role ${name}`).finally(() => server.end());
  });
  const address = (secret: string) => {
    const url = new URL(values['DATABASE_URL'] ?? '');
    Object.assign(url, { username: name, password: encodeURIComponent(secret) });
    return url.href;
  };
  const connect = async (secret: string) => {
    const own = openTestDatabase(address(secret), 1);
    await own`select 1`.finally(() => own.end());
  };
  return { name, url: address(password), connect };
}

function describeLogin(url: string): Record<string, unknown> {
  const { username, hostname, port, pathname } = new URL(url);
  return { username, host: hostname, port: Number(port), dbname: pathname.slice(1) };
}

/** Waits until the service has noticed. A query on a connection that is cut is retried, which is no refusal. */
async function cutConnections({ sql }: Environment): Promise<void> {
  const rows = await sql<{ pid: number }[]>`
    select pid, pg_terminate_backend(pid) from pg_stat_activity
    where application_name like 'competition-%' and datname = current_database()`;
  if (rows.length === 0) throw new Error('Expected connections of the service, got none');
  const pids = rows.map(({ pid }) => pid);
  const isOver = async () => (await sql`select from pg_stat_activity where pid = any(${pids})`).length === 0;
  await waitFor('the connections to be gone', isOver);
  await sleep(500);
}
