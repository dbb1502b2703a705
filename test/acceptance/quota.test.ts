import t from 'tap';
import { buildUploadForm } from '../support/multipart.ts';
import { countStored, expectRefusal, mp4, openApi } from './support.ts';

const api = await openApi(t, { env: { USER_QUOTA_BYTES: '100000' } });
const detail = 'The videos of a user may have 100000 bytes together: delete a video first';

t.test('an upload past the quota is 413 and leaves nothing; a deletion makes room', async (t) => {
  const ana = await api.newPlayer();
  const upload = (bytes: number) =>
    api.call('POST', '/api/videos/upload', { ...buildUploadForm(mp4(bytes), 'A clip'), token: ana.token });
  const { video_id: id } = await api.upload(ana, 'A clip', mp4(60_000));
  const before = await countStored(api.environment);
  for (const bytes of [40_001, 1_000_000, 8_000_000]) {
    const answer = await upload(bytes);
    expectRefusal(t, answer, 413, detail);
    t.equal(answer.json<{ code: string }>().code, 'quota_exceeded');
  }
  t.strictSame(await countStored(api.environment), before, 'no row, object or intent more');
  const last = await upload(40_000);
  t.equal(last.status, 201);
  expectRefusal(t, await upload(1_000), 413, detail);
  await api.call('DELETE', `/api/videos/${id}`, { token: ana.token });
  t.equal((await upload(60_000)).status, 201);
  t.equal((await api.newPlayer().then((ben) => api.upload(ben, 'Her own', mp4(100_000)))).message.length > 0, true);
});
