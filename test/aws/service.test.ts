import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildForm, buildUploadForm, type Form } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { fillAws } from './support/fill-aws.ts';
import { startMoto } from './support/moto.ts';
import { startOwnerProxy } from './support/owner-proxy.ts';

t.test('with its settings from Secrets Manager and Parameter Store the service runs the main workflow', async (t) => {
  const environment = await createEnvironment(t);
  const endpoint = await startMoto(t, environment.folder);
  const { values } = environment;
  await fillAws(endpoint, values);
  const owner = await startOwnerProxy(t, values['S3_ENDPOINT'] ?? '', values['AWS_ACCOUNT_ID'] ?? '');
  // These values in the environment are ignored: the service reads them from the emulator only.
  // The keys stay, because AWS clients read them from the environment, as they read the role's keys on an instance.
  const env = {
    SETTINGS_SOURCE: 'aws',
    AWS_ENDPOINT_URL: endpoint,
    S3_ENDPOINT: owner.endpoint,
    DATABASE_URL: 'postgres://127.0.0.1:9/nowhere',
    REDIS_URL: 'redis://127.0.0.1:9',
    SECRET_KEY: 'of the environment',
    S3_BUCKET_NAME: 'nowhere',
    AWS_ACCOUNT_ID: '999999999999',
  };
  const service = await startService(t, environment, { webProcesses: 2, worker: true, env });

  t.equal((await request(`${service.baseUrl}/`)).text, '"Healthcheck"');
  t.equal((await request(`${service.baseUrl}/readyz`)).status, 200);
  const { token } = await createPlayer(service.baseUrl);
  const form = buildUploadForm(readFileSync(await makeClip()), 'From AWS');
  const upload = await request(`${service.baseUrl}/api/videos/upload`, { token, ...form });
  t.equal(upload.status, 201, upload.text);
  const { video_id } = upload.json<{ video_id: number }>();
  const video = `${service.baseUrl}/api/videos/${video_id}`;
  await waitFor(
    'the video to be processed',
    async () => (await request(video, { token })).json<{ status: string }>().status === 'processed',
    { timeoutMs: 60_000 },
  );
  t.equal((await request(`${video}/publish`, { method: 'POST', token })).status, 200);
  const vote = await request(`${service.baseUrl}/api/public/videos/${video_id}/vote`, { method: 'POST', token });
  t.equal(vote.status, 200, vote.text);
  const [listed] = (await request(`${service.baseUrl}/api/public/videos`)).json<{ playback_url: string }[]>();
  const link = listed?.playback_url ?? '';
  t.equal((await request(link)).status, 200, 'the link plays');

  const second = await request(`${service.baseUrl}/api/videos/upload`, { token, ...form });
  const { video_id: secondId } = second.json<{ video_id: number }>();
  const removal = await request(`${service.baseUrl}/api/videos/${secondId}`, { method: 'DELETE', token });
  t.equal(removal.status, 200, removal.text);
  const untitled = buildForm([
    { name: 'video_file', content: readFileSync(await makeClip()), filename: 'a.mp4', contentType: 'video/mp4' },
  ]);
  t.equal((await request(`${service.baseUrl}/api/videos/upload`, { token, ...untitled })).status, 422);

  // Longer than one part, so that the multipart upload is open when the client disconnects.
  const long = buildUploadForm(Buffer.concat([readFileSync(await makeClip()), Buffer.alloc(8 * 1024 * 1024)]));
  await breakOff(`${service.baseUrl}/api/videos/upload`, token, long);
  await waitFor('the upload to be aborted', async () => owner.calls.some(({ call }) => call === 'DELETE uploadId'));

  const without = owner.calls.filter(({ hasOwner }) => !hasOwner);
  t.same(without, [], 'every call names the owner of the bucket');
  const kinds = new Set(owner.calls.map(({ call }) => call));
  for (const kind of [
    'HEAD',
    'POST uploads',
    'PUT partNumber uploadId',
    'POST uploadId',
    'GET',
    'PUT',
    'DELETE',
    'DELETE uploadId',
  ]) {
    t.ok(kinds.has(kind), `${kind} was among ${[...kinds].join(', ')}`);
  }
  const stripped = link.replace(/&?x-amz-expected-bucket-owner=\d+/i, '');
  t.not(stripped, link);
  t.equal((await request(stripped)).status, 403, 'the end refuses who does not');
  await service.stop();
});

function breakOff(url: string, token: string, form: Form): Promise<void> {
  return new Promise((resolve) => {
    const headers = { ...form.headers, authorization: `Bearer ${token}`, 'content-length': String(form.body.length) };
    const call = httpRequest(url, { method: 'POST', headers });
    call.once('error', () => resolve());
    call.write(form.body.subarray(0, 7 * 1024 * 1024), () => setTimeout(() => call.destroy(new Error('gone')), 500));
  });
}
