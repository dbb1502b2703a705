import t from 'tap';
import { flushVoteDeltas } from '../../src/database/vote-deltas.ts';
import { openTokens } from '../../src/tokens.ts';
import { expectFaults, expectRefusal, expectUnauthorized, openApi } from './support.ts';

const api = await openApi(t, { webProcesses: 2 });
const { call, environment } = api;
const ana = await api.newPlayer({ last_name: 'Owner' });
const voters = await Promise.all(Array.from({ length: 6 }, () => api.newPlayer()));
const [ben, carla] = voters as [(typeof voters)[0], (typeof voters)[0]];

const vote = (id: number | string, token: string) => call('POST', `/api/public/videos/${id}/vote`, { token });
const votesOf = async (id: number) =>
  (await call('GET', `/api/videos/${id}`, { token: ana.token })).json<{ votes: number }>().votes;

t.test('a vote is 200, for a processed video and for a public one, also for one’s own', async (t) => {
  for (const status of ['processed', 'public'] as const) {
    const id = await api.videoIn(status, ana);
    for (const player of [ben, carla, ana]) {
      const answer = await vote(id, player.token);
      t.equal(answer.status, 200);
      t.strictSame(answer.json(), { message: 'Vote successfully registered' });
    }
    t.equal(await votesOf(id), 3);
  }
});

t.test('a second vote is 400 and is not counted, also after the video was published', async (t) => {
  const id = await api.videoIn('processed', ana);
  await vote(id, ben.token);
  for (let round = 0; round < 3; round += 1) {
    expectRefusal(t, await vote(id, ben.token), 400, 'You have already voted for this video');
  }
  await call('POST', `/api/videos/${id}/publish`, { token: ana.token });
  expectRefusal(t, await vote(id, ben.token), 400, 'You have already voted for this video');
  t.equal(await votesOf(id), 1);
});

t.test('of one pair’s votes at once over two processes, one is 200 and the others 400', async (t) => {
  const id = await api.videoIn('public', ana);
  const answers = await Promise.all(Array.from({ length: 20 }, () => vote(id, ben.token)));
  t.strictSame(answers.map((answer) => answer.status).sort(), [200, ...Array(19).fill(400)]);
  for (const answer of answers.filter((each) => each.status === 400)) {
    expectRefusal(t, answer, 400, 'You have already voted for this video');
  }
  t.equal(await votesOf(id), 1);
});

t.test('good and bad votes at once each get their own answer', async (t) => {
  const [open, waiting] = [await api.videoIn('public', ana), await api.videoIn('uploaded', ana)];
  await vote(open, ana.token);
  const answers = await Promise.all(
    voters.flatMap(({ token }) => [
      vote(open, token),
      vote(waiting, token),
      vote(999_999, token),
      vote(open, ana.token),
    ]),
  );
  const expected = voters.flatMap(() => [200, 400, 404, 400]);
  t.strictSame(
    answers.map((answer) => answer.status),
    expected,
  );
  t.equal(await votesOf(open), voters.length + 1);
});

t.test('while a video is not processed or public it is not available for voting', async (t) => {
  for (const status of ['uploaded', 'failed'] as const) {
    const id = await api.videoIn(status, ana);
    expectRefusal(t, await vote(id, ben.token), 400, 'Video is not available for voting');
  }
});

t.test('refusals come as 401, 422, 404', async (t) => {
  expectUnauthorized(t, await call('POST', '/api/public/videos/1/vote'));
  expectUnauthorized(t, await vote('x', 'nonsense'));
  const nobody = openTokens(environment.config.tokens).issue(999_999_999);
  const open = await api.videoIn('public', ana);
  const waiting = await api.videoIn('uploaded', ana);
  for (const id of ['x', 999_999, waiting, open]) expectUnauthorized(t, await vote(id, nobody));
  expectFaults(t, await vote('x', ben.token), [['int_parsing', 'path', 'video_id']]);
  expectRefusal(t, await vote(999_999, ben.token), 404, 'Video not found');
});

t.test('one player votes for many videos', async (t) => {
  const ids = [await api.videoIn('processed', ana), await api.videoIn('public', ana), await api.videoIn('public', ben)];
  const answers = await Promise.all(ids.map((id) => vote(id, carla.token)));
  t.strictSame(
    answers.map((answer) => answer.status),
    [200, 200, 200],
  );
});

t.test('every counter equals a recount', async (t) => {
  await flushVoteDeltas(environment.sql);
  const rows = await environment.sql`
    select v.votes, (select count(*) from votes where video_id = v.id) as counted from videos v
    union all
    select u.votes, (select count(*) from votes join videos v on v.id = video_id where v.user_id = u.id) from users u`;
  t.ok(rows.length > 10);
  t.ok(rows.every((row) => row['votes'] === row['counted']));
});
