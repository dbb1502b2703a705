import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { type RunningService, startService } from '../support/service.ts';
import { requireSetting } from '../support/settings.ts';
import { insertPlayer, upload } from '../worker/support/upload.ts';
import { openUploadClient } from './support/client.ts';
import { startS3Proxy } from './support/s3-proxy.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import type { TestVideo } from './support/video.ts';
import { untilClaimed, untilEnded } from './support/worker-run.ts';

t.setTimeout(600_000);

for (const [name, setting] of [
  ['Redis', 'REDIS_URL'],
  ['PostgreSQL', 'DATABASE_URL'],
  ['S3', 'S3_ENDPOINT'],
] as const) {
  t.test(`when the connections to ${name} go silent, uploads and jobs go on by themselves`, async (t) => {
    const environment = await createEnvironment(t, faultEnvironment);
    const url = new URL(environment.values[setting] ?? '');
    const proxy = await startTcpProxy(t, { port: Number(url.port) });
    url.port = String(proxy.port);
    const env = { [setting]: url.href };
    const service = await startService(t, environment, { worker: true, env });
    const video = await readClip();
    const { token } = await createPlayer(service.baseUrl);
    const client = openUploadClient();
    const uploadUntilStored = () =>
      waitFor(
        'an upload to be stored',
        async () => {
          const outcome = await client.upload(video, { port: service.port, token, timeoutMs: 60_000 });
          return outcome.kind === 'answered' && outcome.status === 201 && client.ledger.at(-1)?.video_id;
        },
        { timeoutMs: 90_000 },
      );
    const first = await uploadUntilStored();
    t.match(await untilEnded(environment, first), { status: 'processed' });

    t.ok(proxy.silence() > 0, 'between jobs');
    t.match(await untilEnded(environment, await uploadUntilStored()), { status: 'processed', crashes: 0 });
    await untilReady(service);

    const running = await uploadUntilStored();
    await untilClaimed(environment, running);
    t.ok(proxy.silence() > 0, 'while a job runs');
    t.match(await untilEnded(environment, running), { status: 'processed' });
    t.match(await untilEnded(environment, await uploadUntilStored()), { status: 'processed' });
    await untilReady(service);
    t.strictSame((await settle(environment, [service], client.ledger)).breaks, []);
  });
}

t.test('a source whose body stops half-way is fetched again', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const proxy = await startS3Proxy(t, requireSetting('TEST_S3_ENDPOINT'));
  proxy.setRule(({ operation, number }) => (operation === 'Get' && number === 1 ? { kind: 'halfBody' } : undefined));
  const { id } = await upload(environment, await makeClip(), await insertPlayer(environment));
  await startService(t, environment, { webProcesses: 0, worker: true, env: { S3_ENDPOINT: proxy.endpoint } });
  t.match(await untilEnded(environment, id), { status: 'processed', attempt: 2, crashes: 0 });
  t.equal(proxy.faults(), 1);
});

t.test('a worker reports what it cannot reach, and works without a restart once it can', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const url = new URL(requireSetting('TEST_S3_ENDPOINT'));
  const proxy = await startTcpProxy(t, { port: Number(url.port) });
  url.port = String(proxy.port);
  const service = await startService(t, environment, { webProcesses: 0, worker: true, env: { S3_ENDPOINT: url.href } });
  await untilReady(service);
  proxy.setFault({ refuses: true });
  proxy.cutAll();
  const [metricsUrl = ''] = service.metricsUrls.worker;
  const refused = await waitFor('a refusal', async () => {
    const answer = await request(readyUrl(metricsUrl));
    return answer.status === 503 && answer;
  });
  t.strictSame(refused.json(), { detail: 'Not ready: object store out of reach' });
  const { text } = await request(metricsUrl);
  t.match(text, 'competition_dependency_up{dependency="object_store"} 0');
  t.match(text, 'competition_dependency_up{dependency="redis"} 1');
  await waitFor('a line in the log', () => service.readLog().find(({ msg }) => msg === 'dependencies unreachable'));
  proxy.setFault({});
  await untilReady(service);
});

function readyUrl(metricsUrl: string): string {
  return metricsUrl.replace(/metrics$/, 'readyz');
}

function untilReady({ baseUrl, web, metricsUrls }: RunningService): Promise<unknown> {
  const urls = [...metricsUrls.worker.map(readyUrl), ...(web.length > 0 ? [`${baseUrl}/readyz`] : [])];
  return waitFor(
    'readiness',
    async () => {
      const answers = await Promise.all(urls.map((url) => request(url)));
      return answers.every(({ status }) => status === 200);
    },
    { timeoutMs: 60_000 },
  );
}

async function readClip(): Promise<TestVideo> {
  const bytes = await readFile(await makeClip());
  const form = buildUploadForm(bytes, 'Clip');
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), form, start: 0 };
}
