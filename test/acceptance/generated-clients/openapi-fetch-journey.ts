import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import createClient from 'openapi-fetch';
import type { paths } from './schema.js';

const [baseUrl = '', clip = ''] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });
const email = 'journey-one@example.com';
const password = 'correct horse battery';

const user = await client.POST('/api/auth/signup', {
  body: { first_name: 'Ana', last_name: 'Uno', email, city: 'Bogotá', password1: password, password2: password },
});
assert.equal(user.data?.city, 'Bogotá');
const again = await client.POST('/api/auth/signup', {
  body: { first_name: 'Ana', last_name: 'Uno', email, password1: password, password2: password },
});
assert.ok(again.error !== undefined && again.error.code === 'email_taken');
const login = await client.POST('/api/auth/login', { body: { email, password } });
const headers = { Authorization: `Bearer ${login.data?.access_token}` };

async function upload(title: string): Promise<{ video_id: number; task_id: string }> {
  const form = new FormData();
  form.set('video_file', new File([await readFile(clip)], 'clip.mp4', { type: 'video/mp4' }));
  form.set('title', title);
  const { data, error } = await client.POST('/api/videos/upload', {
    headers,
    body: { video_file: 'clip.mp4', title },
    bodySerializer: () => form,
  });
  assert.ok(data, JSON.stringify(error));
  return data;
}

const shown = await upload('Shown');
const removed = await upload('Removed');
for (;;) {
  const { data } = await client.GET('/api/tasks/{task_id}', { headers, params: { path: { task_id: shown.task_id } } });
  assert.notEqual(data?.state, 'failed', data?.error ?? '');
  if (data?.state === 'processed') break;
  await sleep(200);
}
const path = { video_id: shown.video_id };
assert.equal(
  (await client.POST('/api/videos/{video_id}/publish', { headers, params: { path } })).data?.status,
  'public',
);
await client.POST('/api/public/videos/{video_id}/vote', { headers, params: { path } });
const twice = await client.POST('/api/public/videos/{video_id}/vote', { headers, params: { path } });
assert.ok(twice.error !== undefined && twice.error.code === 'already_voted');
for (;;) {
  const { data } = await client.GET('/api/public/rankings', { params: { query: { city: 'bogo', limit: 100 } } });
  if (data?.some(({ username, votes }) => username === 'Ana Uno' && votes === 1)) break;
  await sleep(200);
}
assert.equal((await client.GET('/api/videos/{video_id}', { headers, params: { path } })).data?.votes, 1);
const gone = { path: { video_id: removed.video_id } };
assert.ok((await client.DELETE('/api/videos/{video_id}', { headers, params: gone })).data);
const missing = await client.GET('/api/videos/{video_id}', { headers, params: gone });
assert.ok(missing.error !== undefined && missing.error.code === 'video_not_found');
process.stdout.write('journey complete\n');
