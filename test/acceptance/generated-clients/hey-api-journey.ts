import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { client } from './hey-api/client.gen.js';
import * as api from './hey-api/index.js';

const [baseUrl = '', clip = ''] = process.argv.slice(2);
const email = 'journey-two@example.com';
const password = 'correct horse battery';
let token = '';
client.setConfig({ baseUrl, auth: () => token });

await api.signUp({
  body: { first_name: 'Eva', last_name: 'Dos', email, city: 'Cali', password1: password, password2: password },
  throwOnError: true,
});
const wrong = await api.logIn({ body: { email, password: 'another password' } });
assert.ok(wrong.error !== undefined && wrong.error.code === 'wrong_credentials');
token = (await api.logIn({ body: { email, password }, throwOnError: true })).data.access_token;

const video_file = new File([await readFile(clip)], 'clip.mp4', { type: 'video/mp4' });
const { data: shown } = await api.uploadVideo({ body: { video_file, title: 'Shown' }, throwOnError: true });
const { data: removed } = await api.uploadVideo({ body: { video_file, title: 'Removed' }, throwOnError: true });
for (;;) {
  const { data } = await api.getTask({ path: { task_id: shown.task_id }, throwOnError: true });
  assert.notEqual(data.state, 'failed', data.error ?? '');
  if (data.state === 'processed') break;
  await sleep(200);
}
const path = { video_id: shown.video_id };
await api.publishVideo({ path, throwOnError: true });
await api.vote({ path, throwOnError: true });
for (;;) {
  const { data } = await api.rankings({ query: { city: 'cali', limit: 100 }, throwOnError: true });
  if (data.some(({ username, votes }) => username === 'Eva Dos' && votes === 1)) break;
  await sleep(200);
}
const { data: videos } = await api.listVideos({ throwOnError: true });
assert.equal(videos.length, 2);
await api.deleteVideo({ path: { video_id: removed.video_id }, throwOnError: true });
const missing = await api.getVideo({ path: { video_id: removed.video_id } });
assert.ok(missing.error !== undefined && missing.error.code === 'video_not_found');
process.stdout.write('journey complete\n');
