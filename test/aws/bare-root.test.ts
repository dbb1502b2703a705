import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { runTool, tryTool } from '../../scripts/lib/run-tool.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { ensureBucket, openS3Client } from '../../scripts/servers/bucket.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { requireSetting } from '../support/settings.ts';
import { type AwsFront, startAwsFront } from './support/aws-front.ts';
import { fillAws } from './support/fill-aws.ts';
import { startInstanceMetadata } from './support/instance-metadata.ts';
import { startMoto } from './support/moto.ts';

const baseUrl = 'http://127.0.0.1:8000';
const stand = join(rootFolder, 'test/aws/bare');

/** In a network of its own (scripts/test-aws.ts makes it): the ports and the metadata address are those of a real instance. */
t.test('both start scripts make a bare system ready, twice, and the drain loses no upload', async (t) => {
  const environment = await createEnvironment(t, { isMigrated: false });
  const keys = {
    accessKeyId: environment.values['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: environment.values['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  const front = await startAwsFront(t, await startMoto(t, environment.folder));
  const password = 'of-redis';
  await fillAws(front.endpoint, environment.values, {
    '/app/redis-hostname': 'anb-worker',
    '/app/redis-local': `redis://:${password}@127.0.0.1:6379`,
    '/app/redis-worker-url': `redis://:${password}@127.0.0.1:6379`,
  });
  const metadata = await startInstanceMetadata(t, keys);
  const release = await uploadRelease(environment);
  const machine = (name: string) => openMachine(environment, name, release, front);

  const worker = machine('worker');
  t.teardown(worker.stop);
  const first = await worker.run('ip-10-20-0-7', 'bash', '/user_data_worker.sh');
  t.equal(first.code, 0, first.output);
  t.match(first.output, /0001_tables applied/);
  t.match(first.output, /ready: http:\/\/127.0.0.1:9200\/metrics/);
  const web = machine('web');
  t.teardown(web.stop);
  const started = await web.run('ip-10-20-0-8', 'bash', '/user_data_web.sh');
  t.equal(started.code, 0, started.output);
  t.match(started.output, /ready: http:\/\/127.0.0.1:8000\/readyz/);
  t.ok(front.calls.some((call) => /autoscaling.*CompleteLifecycleAction.*anb-web.*LifecycleHookName=ready/.test(call)));
  t.ok(front.calls.some((call) => /route53.*hostedzone\/Z1\/rrset.*worker\.anb\.internal/.test(call)));

  await t.test('the processes run as their user, on the pinned Node.js, one for each processor', async (t) => {
    const { stdout } = await web.run(
      'web',
      'sh',
      '-c',
      'nproc; ps -eo user=,args= -ww | grep [/]opt/anb/current/dist/src/main.js',
    );
    const [processors, ...lines] = stdout.trim().split('\n');
    t.equal(lines.length, Number(processors));
    for (const line of lines) t.match(line, /^anb +\/opt\/anb\/node\/bin\/node /);
    const info = (await request('http://127.0.0.1:9101/metrics')).text;
    t.match(info, `competition_build_info{version="${release.version}",node="v24.21.0"} 1`);
  });

  const { token } = await createPlayer(baseUrl);
  await t.test('a video goes its whole way', async (t) => {
    const form = buildUploadForm(readFileSync(await makeClip()));
    const upload = await request(`${baseUrl}/api/videos/upload`, { token, ...form });
    t.equal(upload.status, 201, upload.text);
    const { video_id } = upload.json<{ video_id: number }>();
    const read = async () => (await request(`${baseUrl}/api/videos/${video_id}`, { token })).json<{ status: string }>();
    await waitFor('the video to be processed', async () => (await read()).status === 'processed', {
      timeoutMs: 60_000,
    });
    t.match(readFileSync(worker.path('/var/log/anb/worker.log'), 'utf8'), '"isolated":true', 'FFmpeg is shut in');
  });

  await t.test('a second run finds everything done, and restarts nothing', async (t) => {
    const before = [web.pids(), worker.pids()];
    const again = [
      await web.run('web', 'bash', '/user_data_web.sh'),
      await worker.run('anb-worker', 'bash', '/user_data_worker.sh'),
    ];
    for (const { code, output } of again) {
      t.equal(code, 0, output);
      t.match(output, /Nothing to do: the schema is up to date/);
    }
    t.same([web.pids(), worker.pids()], before);
  });

  await t.test('a release with other bytes is refused', async (t) => {
    const other = openMachine(environment, 'other', { ...release, sha256: '0'.repeat(64) }, front);
    t.teardown(other.stop);
    const { code } = await other.run('other', 'bash', '/user_data_web.sh');
    t.not(code, 0);
    t.notOk(existsSync(other.path(`/opt/anb/releases/${release.version}/package.json`)));
  });

  await t.test('an upload that is under way when the group takes the instance away is answered 201', async (t) => {
    const form = buildUploadForm(readFileSync(await makeClip({ seconds: 4, size: '640x480' })), 'The last one');
    const slow = uploadSlowly(token, form, 25_000);
    await sleep(1_000);
    metadata.targetState = 'Terminated';
    t.equal(await slow, 201);
    const isDone = () => front.calls.some((call) => /anb-web.*LifecycleHookName=drain/.test(call));
    await waitFor('the group to be told', async () => isDone(), { timeoutMs: 60_000 });
    t.same(Object.keys(web.pids()), ['anb-lifecycle.service'], 'the web processes are gone');
    await waitFor(
      'the worker to be drained',
      async () => front.calls.some((call) => /anb-worker.*LifecycleHookName=drain/.test(call)),
      { timeoutMs: 60_000 },
    );
    const [count] = await environment.sql<
      { count: number }[]
    >`select count(*) from videos where title = 'The last one'`;
    t.equal(count?.count, 1);
  });
});

interface Release {
  version: string;
  sha256: string;
}

async function uploadRelease(environment: Environment): Promise<Release> {
  const folder = requireSetting('RELEASE_FOLDER');
  const archive = readdirSync(join(folder, 'releases')).find((name) => name.endsWith('.tgz')) ?? '';
  const place = {
    endpoint: environment.values['S3_ENDPOINT'] ?? '',
    region: 'us-east-1',
    accessKeyId: environment.values['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: environment.values['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  await ensureBucket({ ...place, bucket: 'releases' });
  const client = openS3Client(place);
  const files = [`releases/${archive}`, ...readdirSync(join(folder, 'node')).map((name) => `node/${name}`)];
  for (const Key of files) {
    await client.send(new PutObjectCommand({ Bucket: 'releases', Key, Body: readFileSync(join(folder, Key)) }));
  }
  client.destroy();
  const version = archive.replace(/\.tgz$/, '');
  return { version, sha256: readFileSync(join(folder, 'releases', `${version}.sha256`), 'utf8').trim() };
}

/** A copy of the bare root with what the template writes before the start script, and stand-ins for systemd. */
function openMachine(environment: Environment, name: string, release: Release, front: AwsFront) {
  const folder = join(environment.folder, name);
  const upper = join(folder, 'upper');
  for (const each of ['etc/anb', 'usr/local/bin']) mkdirSync(join(upper, each), { recursive: true });
  for (const each of ['systemctl', 'hostnamectl']) cpSync(join(stand, each), join(upper, 'usr/local/bin', each));
  for (const each of ['user_data_web.sh', 'user_data_worker.sh']) cpSync(join(rootFolder, each), join(upper, each));
  const lines = {
    AWS_REGION: 'us-east-1',
    RELEASE_BUCKET: 'releases',
    RELEASE_VERSION: release.version,
    RELEASE_SHA256: release.sha256,
    GROUP_NAME: `anb-${name}`,
    ZONE_ID: name === 'worker' ? 'Z1' : 'none',
    AWS_ENDPOINT_URL: front.endpoint,
    S3_ENDPOINT: environment.values['S3_ENDPOINT'],
    READY_SECONDS: '60',
  };
  const text = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(upper, 'etc/anb/instance.env'), text.join(''));
  const state = join(upper, 'var/lib/stand-in');

  function pids(): Record<string, number> {
    const units = existsSync(state) ? readdirSync(state) : [];
    return Object.fromEntries(units.map((unit) => [unit, Number(readFileSync(join(state, unit), 'utf8'))]));
  }

  return {
    pids,
    path: (inside: string) => join(upper, inside),
    run: (host: string, ...command: string[]) =>
      tryTool(join(stand, 'enter'), [requireSetting('BARE_ROOT'), folder, host, ...command], { timeoutMs: 150_000 }),
    async stop() {
      // Each began a session of its own: what it started ends with it.
      for (const pid of Object.values(pids())) await tryTool('kill', ['-KILL', `-${pid}`]);
      await tryTool('umount', ['-l', join(folder, 'root')]);
      await runTool('rm', ['-rf', folder]);
    },
  };
}

/** Half of the body now, half of it later. */
function uploadSlowly(
  token: string,
  form: { body: Buffer; headers: Record<string, string> },
  lastMs: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { ...form.headers, authorization: `Bearer ${token}`, 'content-length': String(form.body.length) };
    const call = httpRequest(`${baseUrl}/api/videos/upload`, { method: 'POST', headers, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    call.once('error', reject);
    const pieces = 20;
    const bytes = Math.ceil(form.body.length / pieces);
    for (let index = 0; index < pieces; index += 1) {
      const piece = form.body.subarray(index * bytes, (index + 1) * bytes);
      setTimeout(() => (index === pieces - 1 ? call.end(piece) : call.write(piece)), (index * lastMs) / pieces);
    }
  });
}
