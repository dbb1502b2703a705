import t from 'tap';
import { flushVoteDeltas } from '../../src/database/vote-deltas.ts';
import { insertVotes } from '../../src/database/votes.ts';
import { request } from '../support/http.ts';
import { countStored, expectRefusal, mp4, openApi } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const ana = await api.newPlayer({ first_name: 'Ana', city: 'Cali' });
const ben = await api.newPlayer({ first_name: 'Ben' });
const statuses = ['uploaded', 'processed', 'public', 'failed'] as const;
const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const detail = async (id: number, token = ana.token) =>
  (await call('GET', `/api/videos/${id}`, { token })).json<Record<string, unknown>>();
const remove = (id: number, token = ana.token) => call('DELETE', `/api/videos/${id}`, { token });
const publish = (id: number, token = ana.token) => call('POST', `/api/videos/${id}/publish`, { token });

t.test('the detail of a waiting video has its key, nulls for what is not there yet, and no votes', async (t) => {
  const id = await api.videoIn('uploaded', ana, ' Título 😀 ');
  const { uploaded_at, original_url, ...rest } = await detail(id);
  t.strictSame(rest, {
    video_id: id,
    title: ' Título 😀 ',
    status: 'uploaded',
    processed_at: null,
    processed_url: null,
    votes: 0,
    playback_url: null,
    poster_url: null,
  });
  t.match(uploaded_at, utc, 'ISO 8601 in UTC with Z');
  t.ok(Math.abs(Date.parse(uploaded_at as string) - Date.now()) < 60_000, 'and it is now');
  t.match(original_url, /^uploads\/.+\.mp4$/, 'an object key');
  t.ok((await environment.bucket.keys()).includes(original_url as string), 'which is in the bucket');
});

t.test('the detail of a processed video has keys, times, and links that play', async (t) => {
  const id = await api.videoIn('processed', ana);
  const video = await detail(id);
  t.equal(video['status'], 'processed');
  t.match(video['processed_at'], utc);
  t.match(video['processed_url'], /^processed\/.+\.mp4$/);
  const clip = await request(video['playback_url'] as string);
  t.equal(clip.status, 200, 'the link plays');
  t.strictSame(clip.bytes, mp4(), 'the rendition');
  t.equal((await request(video['poster_url'] as string)).status, 200, 'the still picture is there');
  const range = await request(video['playback_url'] as string, { headers: { range: 'bytes=4-7' } });
  t.equal(range.status, 206);
  t.equal(range.text, 'ftyp', 'players may ask for a part');
});

t.test('status is uploaded, processed, public or failed', async (t) => {
  for (const status of statuses) t.equal((await detail(await api.videoIn(status, ana)))['status'], status);
});

t.test('the detail counts the votes', async (t) => {
  const id = await api.videoIn('processed', ana);
  await call('POST', `/api/public/videos/${id}/vote`, { token: ben.token });
  t.equal((await detail(id))['votes'], 1);
  await call('POST', `/api/public/videos/${id}/vote`, { token: ana.token });
  t.equal((await detail(id))['votes'], 2);
});

t.test("another player's video is 403 in every status, also when it is public", async (t) => {
  for (const status of statuses) {
    const id = await api.videoIn(status, ana);
    expectRefusal(t, await call('GET', `/api/videos/${id}`, { token: ben.token }), 403, 'You are not authorized');
    expectRefusal(t, await remove(id, ben.token), 403, 'You are not authorized');
    expectRefusal(t, await publish(id, ben.token), 403, 'You are not authorized');
  }
});

t.test('publishing makes a processed video public, and again is no change', async (t) => {
  const id = await api.videoIn('processed', ana);
  for (let round = 0; round < 3; round += 1) {
    const answer = await publish(id);
    t.equal(answer.status, 200);
    t.strictSame(answer.json(), { video_id: id, status: 'public' });
  }
  t.equal((await detail(id))['status'], 'public');
  const answers = await Promise.all(Array.from({ length: 5 }, () => publish(id)));
  t.ok(
    answers.every((answer) => answer.status === 200),
    'also five times at once',
  );
});

t.test('a video that is not processed is not published', async (t) => {
  for (const status of ['uploaded', 'failed'] as const) {
    expectRefusal(t, await publish(await api.videoIn(status, ana)), 400, 'Video is not processed');
  }
});

t.test('deleting answers 200 and leaves neither row nor object, in every status but public', async (t) => {
  for (const status of ['uploaded', 'processed', 'failed'] as const) {
    const before = await countStored(environment);
    const id = await api.videoIn(status, ana);
    const answer = await remove(id);
    t.equal(answer.status, 200, status);
    t.strictSame(answer.json(), { message: 'El video ha sido eliminado exitosamente.', video_id: id });
    t.strictSame(await countStored(environment), before, 'nothing is left');
    expectRefusal(t, await call('GET', `/api/videos/${id}`, { token: ana.token }), 404, 'Video not found');
    expectRefusal(t, await remove(id), 404, 'Video not found');
    expectRefusal(t, await call('POST', `/api/public/videos/${id}/vote`, { token: ben.token }), 404, 'Video not found');
  }
});

t.test('a public video is not deleted', async (t) => {
  const id = await api.videoIn('public', ana);
  expectRefusal(t, await remove(id), 400, 'Video is public');
  t.equal((await detail(id))['status'], 'public');
});

t.test('deleting a video takes its votes along, whatever state it is in', async (t) => {
  const player = await api.newPlayer();
  const votesOf = async () => {
    await flushVoteDeltas(environment.sql);
    const [row] = await environment.sql`
      select (select votes from users where id = ${player.id}) as counter,
        (select count(*) from votes join videos on videos.id = video_id where videos.user_id = ${player.id}) as votes`;
    return row;
  };
  for (const status of ['waiting', 'in work', 'processed', 'failed'] as const) {
    const [gone, kept] = [await api.videoIn('uploaded', player), await api.videoIn('processed', player)];
    const { sql } = environment;
    // Votes of the older system, which did not check the status.
    await sql`insert into votes (video_id, user_id) values (${gone}, ${ben.id}), (${gone}, ${ana.id})`;
    await sql`update videos set votes = 2 where id = ${gone}`;
    await sql`update users set votes = votes + 2 where id = ${player.id}`;
    await insertVotes(sql, [{ videoId: kept, userId: ben.id }]);
    if (status === 'in work')
      await sql`update videos set attempt = 1, processing_started_at = now() where id = ${gone}`;
    if (status === 'processed') await api.process(gone);
    if (status === 'failed') await api.fail(gone, 'No picture');
    const before = await votesOf();
    t.equal((await remove(gone, player.token)).status, 200, status);
    t.match(await votesOf(), { counter: before?.['counter'] - 2, votes: before?.['votes'] - 2 });
    const [row] = await sql`select count(*) as left from votes where video_id = ${gone}`;
    t.equal(row?.['left'], 0, 'no vote without a video');
  }
});

t.test('of several deletes at once one is 200, the others 404', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const id = await api.videoIn(round % 2 === 0 ? 'processed' : 'uploaded', ana);
    const answers = await Promise.all(Array.from({ length: 8 }, () => remove(id)));
    t.strictSame(answers.map((answer) => answer.status).sort(), [200, ...Array(7).fill(404)]);
  }
});

t.test('a vote, a publication and a delete at once end in one of their orders', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const id = await api.videoIn('processed', ana);
    const vote = call('POST', `/api/public/videos/${id}/vote`, { token: ben.token });
    const [voted, published, removed] = await Promise.all([vote, publish(id), remove(id)]);
    t.ok([200, 404].includes(voted.status), `vote ${voted.status}`);
    t.ok([200, 404].includes(published.status), `publish ${published.status}`);
    t.ok([200, 400].includes(removed.status), `delete ${removed.status}`);
    t.equal(published.status === 200 && removed.status === 200, false, 'what was published is not deleted');
  }
});

t.test('the votes and counters of all this equal a recount', async (t) => {
  await flushVoteDeltas(environment.sql);
  const rows = await environment.sql`
    select u.id, u.votes, (select count(*) from votes join videos v on v.id = video_id where v.user_id = u.id) as counted
    from users u`;
  for (const row of rows) t.equal(row['votes'], row['counted'], `user ${row['id']}`);
});
