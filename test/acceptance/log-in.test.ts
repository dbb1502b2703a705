import { randomBytes } from 'node:crypto';
import t from 'tap';
import { measureCpu } from '../../scripts/lib/process-cost.ts';
import { expectFaults, expectRefusal, openApi } from './support.ts';

const api = await openApi(t);
const { call } = api;
const ana = await api.newPlayer();

function logIn(email: unknown, password: unknown) {
  return call('POST', '/api/auth/login', { json: { email, password } });
}

function newEmail(): string {
  return `p${randomBytes(6).toString('hex')}@example.com`;
}

t.test(
  'log-in answers 200 with a bearer token of HS256 whose sub is the id and whose exp is an hour ahead',
  async (t) => {
    const answer = await logIn(ana.email, ana.password);
    t.equal(answer.status, 200);
    const { access_token: token, ...rest } = answer.json<{ access_token: string }>();
    t.strictSame(rest, { token_type: 'bearer', expires_in: 3600 });
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    t.equal(JSON.parse(header ?? '').alg, 'HS256');
    const { sub, exp } = JSON.parse(payload ?? '');
    t.equal(sub, String(ana.id), 'a string');
    t.ok(Math.abs(exp - Date.now() / 1000 - 3600) < 60, 'exp in seconds');
    t.equal((await call('GET', '/api/videos', { token })).status, 200);
  },
);

t.test('a wrong password and an unknown address get the same answer', async (t) => {
  const [wrong, unknown] = [await logIn(ana.email, 'not the one'), await logIn(newEmail(), ana.password)];
  for (const answer of [wrong, unknown]) expectRefusal(t, answer, 401, 'Credenciales inválidas.');
  t.strictSame(Object.keys(wrong.headers).sort(), Object.keys(unknown.headers).sort(), 'and the same headers');
  expectRefusal(t, await logIn(ana.email, `${ana.password} `), 401, 'Credenciales inválidas.');
  expectRefusal(t, await logIn(ana.email, ana.password.toUpperCase()), 401, 'Credenciales inválidas.');
});

t.test('a wrong password and an unknown address cost the same work, and so take the same time', async (t) => {
  const service = api.service.web.map(({ pid }) => pid);
  const cpuSecondsOf = async (nextEmail: () => string) => {
    const { cpuSeconds } = await measureCpu({ service }, async () => {
      for (let round = 0; round < 30; round += 1) await logIn(nextEmail(), 'not the one');
    });
    return cpuSeconds.service;
  };
  const [known, unknown] = [await cpuSecondsOf(() => ana.email), await cpuSecondsOf(newEmail)];
  // CPU time, so that a busy machine counts little. Without a hash for the unknown it is a twentieth.
  t.ok(known / unknown < 3 && unknown / known < 3, `${known} s and ${unknown} s of CPU`);
});

t.test('a password under 8 characters is 422 at log-in, too', async (t) => {
  expectFaults(t, await logIn(ana.email, 'short'), [['string_too_short', 'body', 'password']]);
  expectFaults(t, await logIn('nobody', 'short'), [
    ['value_error', 'body', 'email'],
    ['string_too_short', 'body', 'password'],
  ]);
});
