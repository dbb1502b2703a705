import { createHmac } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import t from 'tap';
import { expectUnauthorized, openApi } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const ana = await api.newPlayer();
const ben = await api.newPlayer();

const { secretKey } = environment.config.tokens;
const sub = String(ana.id);
const exp = () => Math.floor(Date.now() / 1000) + 600;
const sign = (payload: object, key = secretKey, algorithm: 'HS256' | 'HS384' | 'HS512' = 'HS256') =>
  createSigner({ key, algorithm, noTimestamp: true })(payload as Record<string, unknown>);
const signByHand = (payload: object) => {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secretKey).update(text).digest('base64url')}`;
};
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

t.test('a token of the contract made elsewhere with the same key is good', async (t) => {
  const token = sign({ sub, exp: exp() });
  t.equal((await call('GET', '/api/videos', { token })).status, 200);
  t.equal((await call('GET', '/api/videos', { token: sign({ sub, exp: exp(), iat: 1, extra: 'x' }) })).status, 200);
});

t.test(
  'a missing, malformed, expired or forged token, one without exp, one whose subject is no user: 401',
  async (t) => {
    const good = sign({ sub, exp: exp() });
    const [head = '', body = '', signature = ''] = good.split('.');
    const bad: Record<string, string> = {
      empty: '',
      'no token at all': 'x',
      'two dots': '..',
      'no signature': `${head}.${body}.`,
      'cut short': good.slice(0, -4),
      'other signature': `${head}.${body}.${signature.split('').reverse().join('')}`,
      'other payload': `${head}.${encode({ sub: String(ben.id), exp: exp() })}.${signature}`,
      'four parts': `${good}.x`,
      'algorithm none': `${encode({ alg: 'none', typ: 'JWT' })}.${body}.`,
      'algorithm HS512': sign({ sub, exp: exp() }, secretKey, 'HS512'),
      'another key': sign({ sub, exp: exp() }, 'another key'),
      expired: sign({ sub, exp: exp() - 3600 }),
      'without exp': sign({ sub }),
      'exp as text': signByHand({ sub, exp: String(exp()) }),
      'exp null': signByHand({ sub, exp: null }),
      'sub a number': signByHand({ sub: ana.id, exp: exp() }),
      'without sub': sign({ exp: exp() }),
      'sub of an unknown user': sign({ sub: '999999999', exp: exp() }),
      'sub no number': sign({ sub: 'ana', exp: exp() }),
      'sub empty': sign({ sub: '', exp: exp() }),
      'sub zero': sign({ sub: '0', exp: exp() }),
      'sub negative': sign({ sub: `-${sub}`, exp: exp() }),
      'sub fraction': sign({ sub: `${sub}.0`, exp: exp() }),
      'sub huge': sign({ sub: '9'.repeat(30), exp: exp() }),
      'sub with space': sign({ sub: ` ${sub}`, exp: exp() }),
      'not active yet': sign({ sub, exp: exp(), nbf: exp() }),
    };
    for (const [name, token] of Object.entries(bad)) {
      const answer = await call('GET', '/api/videos', { headers: { authorization: `Bearer ${token}` } });
      t.equal(answer.status, 401, name);
      expectUnauthorized(t, answer);
    }
    expectUnauthorized(t, await call('GET', '/api/videos'));
  },
);

t.test('the scheme word is case-insensitive, and no other scheme counts', async (t) => {
  const status = async (authorization: string) =>
    (await call('GET', '/api/videos', { headers: { authorization } })).status;
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR'])
    t.equal(await status(`${scheme} ${ana.token}`), 200, scheme);
  for (const other of [
    ana.token,
    `Basic ${ana.token}`,
    `Bearer${ana.token}`,
    `Token ${ana.token}`,
    'Bearer',
    'Bearer ',
  ]) {
    t.equal(await status(other), 401, other.replace(ana.token, '...'));
  }
});

t.test('a token counts in the header only', async (t) => {
  const { token } = ana;
  expectUnauthorized(t, await call('GET', `/api/videos?token=${token}&access_token=${token}`));
  expectUnauthorized(
    t,
    await call('GET', '/api/videos', { headers: { cookie: `access_token=${token}; token=${token}` } }),
  );
  expectUnauthorized(t, await call('POST', '/api/public/videos/1/vote', { json: { access_token: token } }));
});

t.test('a bad token beside a public route does no harm', async (t) => {
  t.equal((await call('GET', '/api/public/rankings', { token: 'nonsense' })).status, 200);
});
