import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { request } from '../support/http.ts';
import { startService } from '../support/service.ts';
import { expectRefusal, expectUnauthorized, mp4, openApi } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const ana = await api.newPlayer({ first_name: 'Ana' });
const ben = await api.newPlayer({ first_name: 'Ben' });

interface Task {
  task_id: string;
  video_id: number;
  state: 'queued' | 'processing' | 'processed' | 'failed';
  progress: number;
  error: string | null;
  queue_position: number | null;
  expected_wait_seconds: number | null;
}

const task = (id: string, token: string | undefined = ana.token) =>
  call('GET', `/api/tasks/${id}`, token === undefined ? {} : { token });
const taskOf = async (id: string) => (await task(id)).json<Task>();

t.test('a waiting upload is queued, with its place and an expected wait', async (t) => {
  const first = await api.upload(ana);
  const second = await api.upload(ana);
  const { expected_wait_seconds: wait, ...rest } = await taskOf(first.task_id);
  t.strictSame(rest, {
    task_id: first.task_id,
    video_id: first.video_id,
    state: 'queued',
    progress: 0,
    error: null,
    queue_position: 1,
  });
  t.ok(typeof wait === 'number' && wait >= 0);
  const behind = await taskOf(second.task_id);
  t.equal(behind.queue_position, 2);
  t.ok((behind.expected_wait_seconds ?? -1) >= (wait ?? 0), 'a task further back waits no less');
});

t.test('from then on the last two are null: processing, processed, failed', async (t) => {
  const { sql } = environment;
  const [working, done, refused] = [await api.upload(ana), await api.upload(ana), await api.upload(ana)];
  const nothing = { queue_position: null, expected_wait_seconds: null };
  await sql`update videos set attempt = 1, processing_started_at = now(), progress = 42 where id = ${working.video_id}`;
  t.match(await taskOf(working.task_id), { state: 'processing', progress: 42, error: null, ...nothing });
  await api.process(done.video_id);
  t.match(await taskOf(done.task_id), { state: 'processed', progress: 100, error: null, ...nothing });
  await call('POST', `/api/videos/${done.video_id}/publish`, { token: ana.token });
  t.match(await taskOf(done.task_id), { state: 'processed', progress: 100 }, 'also when it is public');
  await api.fail(refused.video_id, 'There is no picture in it');
  t.match(await taskOf(refused.task_id), { state: 'failed', error: 'There is no picture in it', ...nothing });
});

t.test('a task is its owner’s alone: 401, 404, 403', async (t) => {
  const { task_id: id } = await api.upload(ana);
  expectUnauthorized(t, await call('GET', `/api/tasks/${id}`));
  expectRefusal(t, await task(id, ben.token), 403, 'You are not authorized');
  const others = ['00000000-0000-4000-8000-000000000000', 'x', '1', '%F0%9F%98%80', `${id}x`, "'"];
  for (const other of others) {
    const answer = await task(other);
    t.equal(answer.status, 404, other);
    t.strictSame(Object.keys(answer.json<object>()), ['detail']);
  }
  t.equal((await task('%00')).status, 422);
});

t.test('of a deleted video the task is gone', async (t) => {
  const { task_id: id, video_id: video } = await api.upload(ana);
  await call('DELETE', `/api/videos/${video}`, { token: ana.token });
  t.equal((await task(id)).status, 404);
});

t.test('the whole journey: upload, worker, publication, vote, ranking, clip', async (t) => {
  await environment.sql`delete from videos`;
  for (const key of await environment.bucket.keys()) await environment.objects.deleteObject(key);
  await startService(t, environment, { webProcesses: 0, worker: true });
  const carla = await api.newPlayer({ first_name: 'Carla', last_name: 'Mora' });
  const source = await readFile(await makeClip());
  const { task_id: id, video_id: video } = await api.upload(carla, 'Mi jugada', source);
  const seen: Task[] = [];
  await waitFor(
    'the worker to end',
    async () => {
      const answer = (await task(id, carla.token)).json<Task>();
      seen.push(answer);
      return answer.state === 'processed';
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
  t.ok(seen.every(({ state }) => ['queued', 'processing', 'processed'].includes(state)));
  const progress = seen.map((each) => each.progress);
  t.strictSame(
    progress,
    [...progress].sort((a, b) => a - b),
    'progress never falls',
  );
  t.equal(progress.at(-1), 100);

  const detail = async () =>
    (await call('GET', `/api/videos/${video}`, { token: carla.token })).json<Record<string, string>>();
  const processed = await detail();
  t.match(processed, { status: 'processed', title: 'Mi jugada', processed_url: /^processed\// });
  t.ok(Date.parse(processed['processed_at'] ?? '') >= Date.parse(processed['uploaded_at'] ?? ''));
  const kept = join(environment.folder, 'kept.mp4');
  await environment.objects.getToFile(processed['original_url'] ?? '', kept, AbortSignal.timeout(60_000));
  t.equal(sha256(await readFile(kept)), sha256(source), 'the original is kept as it was sent');

  await call('POST', `/api/videos/${video}/publish`, { token: carla.token });
  t.equal((await call('POST', `/api/public/videos/${video}/vote`, { token: ben.token })).status, 200);
  const ranking = await waitFor('the vote in the ranking', async () => {
    const [first] = (await call('GET', '/api/public/rankings')).json<Record<string, unknown>[]>();
    return first?.['votes'] === 1 && first;
  });
  t.strictSame(ranking, { position: 1, username: 'Carla Mora', city: 'Bogotá', votes: 1 });
  const [open] = (await call('GET', '/api/public/videos')).json<Record<string, string>[]>();
  t.match(open, { id: video, owner_name: 'Carla', owner_city: 'Bogotá', title: 'Mi jugada' });
  const clip = await request(open?.['playback_url'] ?? '');
  t.equal(clip.bytes.toString('latin1', 4, 8), 'ftyp', 'the clip plays');
  t.equal((await request(open?.['poster_url'] ?? '')).bytes.toString('hex', 0, 3), 'ffd8ff', 'the poster is a JPEG');

  const broken = await api.upload(carla, 'No picture', mp4(4_096));
  const failed = await waitFor('the refusal', async () => {
    const answer = (await task(broken.task_id, carla.token)).json<Task>();
    return answer.state === 'failed' && answer;
  });
  t.match(failed.error, /./, 'a video that cannot be processed has a reason');
  t.notMatch(failed.error, /\/|ffmpeg|ffprobe|Error:/i, 'which is for a player');
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
