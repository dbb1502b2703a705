import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { openUploadClient } from '../faults/support/client.ts';
import { settle } from '../faults/support/settle.ts';
import { makeVideo } from '../faults/support/video.ts';
import { makeClip } from '../support/clip.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { openInstances, redisPassword } from './support/instance.ts';
import { packKit } from './support/kit.ts';
import { openMachine as openBareMachine } from './support/machine.ts';

const baseUrl = 'http://127.0.0.1:8000';

t.test('both start scripts set up a bare system, twice, and the drain loses no upload', async (t) => {
  const { environment, front, metadata, store, release, openMachine } = await openInstances(t, { rateLimits: 'on' });

  const worker = openMachine('worker');
  const first = await worker.run('ip-10-20-0-7', 'bash', '/user_data_worker.sh');
  t.equal(first.code, 0, first.output);
  t.match(first.output, /0001_tables applied/);
  t.match(first.output, /ready: http:\/\/127.0.0.1:9200\/metrics/);
  const redis = readFileSync(worker.path('/etc/redis/redis.conf'), 'utf8');
  for (const line of ['appendonly yes', 'maxmemory-policy noeviction', `requirepass ${redisPassword}`])
    t.match(redis, line);
  const web = openMachine('web');
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
  await t.test('a video is uploaded, processed and played', async (t) => {
    const form = buildUploadForm(readFileSync(await makeClip()));
    const upload = await request(`${baseUrl}/api/videos/upload`, { token, ...form });
    t.equal(upload.status, 201, upload.text);
    const { video_id } = upload.json<{ video_id: number }>();
    const read = async () => (await request(`${baseUrl}/api/videos/${video_id}`, { token })).json<{ status: string }>();
    await waitFor('the video to be processed', async () => (await read()).status === 'processed', {
      timeoutMs: 60_000,
    });
    t.match(readFileSync(worker.path('/var/log/anb/worker.log'), 'utf8'), '"isolated":true', 'FFmpeg is isolated');
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

  await t.test('the load generator fetches its archive, loads the service and uploads its results', async (t) => {
    const kit = await packKit(environment.folder, 'capacity_planning/plans/smoke.json');
    await store.put('load/run-1/in/kit.tgz', kit.path);
    const generator = openBareMachine(environment, 'generator', 'load.env', {
      RELEASE_BUCKET: store.bucket,
      RUN: 'run-1',
      SHA256: kit.sha256,
      NODE_VERSION: kit.node['NODE_VERSION'] ?? '',
      NODE_SHA256: kit.node['NODE_SHA256'] ?? '',
      TARGET: baseUrl,
    });
    t.teardown(generator.stop);
    writeFileSync(generator.path('generate.sh'), kit.script);
    const { code, output } = await generator.run('generator', 'bash', '/generate.sh');
    t.equal(code, 0, output);
    const read = (name: string) => store.read(`load/run-1/out/${name}`);
    // Response times do not matter here: the verdict may be PASS, FAIL or INVALID.
    t.match(await read('exit-code'), /^(0|99|3)\n$/, await read('anb-load.log'));
    const report = JSON.parse(await read('report.json'));
    t.match(report, { schema: 'capacity-report/v1', target: { baseUrl } });
    t.match(JSON.parse(await read('summary.json')), { metrics: { iterations: { type: 'counter' } } });
    t.match(await read('report.html'), /^<!doctype html>/);
  });

  await t.test('a release with other bytes is refused', async (t) => {
    const other = openMachine('other', '0'.repeat(64));
    const { code } = await other.run('other', 'bash', '/user_data_web.sh');
    t.not(code, 0);
    t.notOk(existsSync(other.path(`/opt/anb/releases/${release.version}/package.json`)));
  });

  await t.test('under load no upload is lost when the group terminates the instance', async (t) => {
    const client = openUploadClient();
    const send = (number: number, bytes: number, bytesPerSecond?: number) =>
      client.upload(makeVideo(bytes, number), { port: 8000, token, ...(bytesPerSecond ? { bytesPerSecond } : {}) });
    const slow = Array.from({ length: 8 }, (_, i) => send(i, 3_000_000, 120_000));
    let isOver = false;
    const quick = Array.from({ length: 3 }, async (_, i) => {
      const outcomes = [];
      for (let number = 0; !isOver; number += 1) {
        outcomes.push(await send(1_000 * (i + 1) + number, i === 0 ? 6_000_000 : 100_000));
        await sleep(200);
      }
      return outcomes;
    });
    await sleep(3_000);
    metadata.targetState = 'Terminated';
    // The balancer learns of it a little later than the instance, and sends requests until then.
    await sleep(5_000);
    isOver = true;
    const outcomes = [...(await Promise.all(quick)).flat(), ...(await Promise.all(slow))];
    // An upload without a free buffer is refused before its body is read, and retried. It is not lost.
    const refused = outcomes.filter(
      (each) => each.kind === 'answered' && each.status === 503 && /retry-after/i.test(each.headers),
    );
    t.equal(client.ledger.length + refused.length, outcomes.length, JSON.stringify(client.statuses));
    t.ok(client.ledger.length > 20, `${client.ledger.length} were stored`);
    for (const name of ['anb-web', 'anb-worker']) {
      const isDone = () => front.calls.some((call) => call.includes(name) && call.includes('LifecycleHookName=drain'));
      await waitFor(`${name} to tell the group`, async () => isDone(), { timeoutMs: 60_000 });
    }
    t.same(Object.keys(web.pids()), ['anb-lifecycle.service'], 'the web processes are gone');
    t.strictSame((await settle(environment, [], client.ledger)).breaks, []);
    t.comment(
      `${client.ledger.length} uploads stored during the drain, ${refused.length} refused for want of room, 0 lost`,
    );
  });
});
