import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { recount } from '../../src/database/recount.ts';
import type { Answer } from '../support/http.ts';
import type { Player } from '../support/player.ts';
import { type Api, countStored, expectFaults, expectRefusal, expectUnauthorized, openApi } from './support.ts';

const api = await openApi(t, { webProcesses: 2 });
const { call, environment } = api;
const nextPassword = 'another good one';

const logIn = ({ email }: Player, password: string) => call('POST', '/api/auth/login', { json: { email, password } });
const changePassword = (token: string, current: string, next = nextPassword, repeated = next) =>
  call('POST', '/api/auth/password', {
    token,
    json: { current_password: current, new_password1: next, new_password2: repeated },
  });
const listVideos = (token: string) => call('GET', '/api/videos', { token });

function expectError(t: Test, answer: Answer, status: number, code: string, detail: string): void {
  expectRefusal(t, answer, status, detail);
  t.equal(answer.json<{ code: string }>().code, code);
}

/** On every process: each request opens a connection of its own, which either may get. */
async function untilRefused(token: string): Promise<void> {
  await waitFor('the token to be refused by every process', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => listVideos(token)));
    return answers.every(({ status }) => status === 401);
  });
}

t.test('a new password ends the tokens of the old one; the token in the response counts', async (t) => {
  const ana = await api.newPlayer();
  const answer = await changePassword(ana.token, ana.password);
  t.equal(answer.status, 200);
  const { access_token: token, ...rest } = answer.json<{ access_token: string }>();
  t.strictSame(rest, { token_type: 'bearer', expires_in: 3600 });
  await untilRefused(ana.token);
  expectUnauthorized(t, await listVideos(ana.token));
  t.equal((await listVideos(token)).status, 200);
  expectError(t, await logIn(ana, ana.password), 401, 'wrong_credentials', 'Credenciales inválidas.');
  t.equal((await logIn(ana, nextPassword)).status, 200);
});

t.test('a password is changed only by who knows it, and only to a good one', async (t) => {
  const ana = await api.newPlayer();
  const wrong = await changePassword(ana.token, 'not the one');
  expectError(t, wrong, 401, 'wrong_credentials', 'Credenciales inválidas.');
  const differing = await changePassword(ana.token, ana.password, nextPassword, `${nextPassword} `);
  expectError(t, differing, 400, 'passwords_differ', 'Las contraseñas no coinciden.');
  const weak = await changePassword(ana.token, ana.password, ana.email);
  expectError(t, weak, 400, 'weak_password', 'La contraseña es demasiado fácil de adivinar: elija otra.');
  expectFaults(t, await changePassword(ana.token, ana.password, 'short'), [
    ['string_too_short', 'body', 'new_password1'],
    ['string_too_short', 'body', 'new_password2'],
  ]);
  expectUnauthorized(t, await changePassword('no token', ana.password));
  t.equal((await listVideos(ana.token)).status, 200, 'nothing has changed');
  t.equal((await logIn(ana, ana.password)).status, 200);
});

t.test('a weak password is refused at sign-up', async (t) => {
  const email = 'rosaura.mendez@example.com';
  const person = { first_name: 'A', last_name: 'B', email };
  const signUp = (at: Api, password: string) =>
    at.call('POST', '/api/auth/signup', { json: { ...person, password1: password, password2: password } });
  const message = 'La contraseña es demasiado fácil de adivinar: elija otra.';
  for (const password of [email, 'Rosaura.Mendez', ' '.repeat(8)]) {
    expectError(t, await signUp(api, password), 400, 'weak_password', message);
  }
  // A client that is not rate-limited, as over loopback, may use a common password.
  const limited = await openApi(t, { env: { RATE_LIMIT_LOOPBACK: 'on' } });
  for (const password of ['password', 'Password1', '12345678', 'iloveyou']) {
    expectError(t, await signUp(limited, password), 400, 'weak_password', message);
  }
  t.equal((await signUp(api, 'password')).status, 201);
});

t.test('log-out everywhere ends every token, votes included; the next log-in counts', async (t) => {
  const [ana, ben] = [await api.newPlayer(), await api.newPlayer()];
  const videoId = await api.videoIn('public', ben);
  const second = (await logIn(ana, ana.password)).json<{ access_token: string }>().access_token;
  const answer = await call('POST', '/api/auth/logout-everywhere', { token: ana.token });
  t.equal(answer.status, 204);
  t.equal(answer.text, '');
  // The statement of the vote checks the epoch: no process has to know of it first.
  const vote = (token: string) => call('POST', `/api/public/videos/${videoId}/vote`, { token });
  for (const token of [ana.token, second]) expectUnauthorized(t, await vote(token));
  for (const token of [ana.token, second]) await untilRefused(token);
  const third = (await logIn(ana, ana.password)).json<{ access_token: string }>().access_token;
  t.equal((await vote(third)).status, 200);
  t.equal((await listVideos(third)).status, 200);
  await call('POST', `/api/videos/${videoId}/unpublish`, { token: ben.token });
  await call('DELETE', `/api/videos/${videoId}`, { token: ben.token });
});

t.test('a public video is withdrawn, keeps its votes, and can then be deleted', async (t) => {
  const [ana, ben] = [await api.newPlayer(), await api.newPlayer()];
  const id = await api.videoIn('public', ana);
  await call('POST', `/api/public/videos/${id}/vote`, { token: ben.token });
  const unpublish = (token: string, videoId: number) => call('POST', `/api/videos/${videoId}/unpublish`, { token });
  expectError(t, await unpublish(ben.token, id), 403, 'not_owner', 'You are not authorized');
  for (let i = 0; i < 2; i += 1) {
    const answer = await unpublish(ana.token, id);
    t.equal(answer.status, 200);
    t.strictSame(answer.json(), { video_id: id, status: 'processed' });
  }
  t.match((await call('GET', `/api/videos/${id}`, { token: ana.token })).json(), { status: 'processed', votes: 1 });
  const waiting = await api.videoIn('uploaded', ana);
  expectError(t, await unpublish(ana.token, waiting), 400, 'video_not_public', 'Video is not public');
  expectError(t, await unpublish(ana.token, 999_999_999), 404, 'video_not_found', 'Video not found');
  t.equal((await call('POST', `/api/videos/${id}/publish`, { token: ana.token })).status, 200, 'and public again');
  await unpublish(ana.token, id);
  for (const videoId of [id, waiting])
    t.equal((await call('DELETE', `/api/videos/${videoId}`, { token: ana.token })).status, 200);
});

t.test('a deleted account leaves no row, object or job, and the counters of others are right', async (t) => {
  const [ana, ben] = [await api.newPlayer(), await api.newPlayer()];
  const [own, kept] = [await api.videoIn('public', ana), await api.videoIn('public', ben)];
  const waiting = await api.videoIn('uploaded', ana);
  for (const { token } of [ana, ben])
    for (const id of [own, kept]) await call('POST', `/api/public/videos/${id}/vote`, { token });
  const remove = (password: string) => call('DELETE', '/api/auth/account', { token: ana.token, json: { password } });
  expectError(t, await remove('not the one'), 401, 'wrong_credentials', 'Credenciales inválidas.');
  t.equal((await listVideos(ana.token)).status, 200, 'nothing has changed');

  t.equal((await remove(ana.password)).status, 204);
  const { sql } = environment;
  const [left] = await sql`
    select (select count(*) from users where id = ${ana.id}) as users,
      (select count(*) from videos where id in (${own}, ${waiting})) as videos,
      (select count(*) from votes where user_id = ${ana.id} or video_id = ${own}) as votes,
      (select votes from videos where id = ${kept}) as kept_votes`;
  t.strictSame({ ...left }, { users: 0, videos: 0, votes: 0, kept_votes: 1 });
  t.strictSame(await countStored(environment), { videos: 1, intents: 0, objects: 3, openMultiparts: 0 });
  t.equal((await recount(sql)).differing, 0);
  await untilRefused(ana.token);
  expectUnauthorized(t, await call('POST', `/api/public/videos/${kept}/vote`, { token: ana.token }));
  expectError(t, await logIn(ana, ana.password), 401, 'wrong_credentials', 'Credenciales inválidas.');
  t.equal((await api.newPlayer({ email: ana.email })).email, ana.email, 'the address is free again');
});
