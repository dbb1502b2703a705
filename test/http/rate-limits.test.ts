import t from 'tap';
import { limitsByName } from '../../src/rate-limits/limits-by-name.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { createEnvironment } from '../support/environment.ts';
import { type Answer, type RequestOptions, request } from '../support/http.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';

/** Behind one balancer, and limited on loopback, too: the address is what the balancer adds. */
const behindBalancer = { RATE_LIMIT_LOOPBACK: 'on', TRUSTED_HOPS: '1' };
const environment = await createEnvironment(t);
const redisUrl = new URL(environment.values['REDIS_URL'] ?? '');
const proxy = await startTcpProxy(t, { port: Number(redisUrl.port) });
redisUrl.port = String(proxy.port);
const env = { ...behindBalancer, REDIS_URL: redisUrl.href };
const service = await startService(t, environment, { webProcesses: 2, env });
const owner = await createPlayer(service.baseUrl);

const call = (path: string, options: RequestOptions = {}) => request(`${service.baseUrl}${path}`, options);
const logIn = (from: string, email: string, password: string) =>
  call('/api/auth/login', { json: { email, password }, headers: { 'x-forwarded-for': from } });

async function repeat(times: number, ask: () => Promise<Answer>): Promise<number[]> {
  const statuses = [];
  for (let i = 0; i < times; i += 1) statuses.push((await ask()).status);
  return statuses;
}

t.test('whoever guesses passwords is stopped; the owner, from where he is, is not', async (t) => {
  const attack = () => logIn('203.0.113.66', owner.email, 'a wrong password');
  const { count } = limitsByName['login-account'];
  t.strictSame(await repeat(count, attack), Array(count).fill(401));
  const refused = await attack();
  t.equal(refused.status, 429);
  t.match(refused.json(), { detail: String });
  t.ok(Number(refused.headers['retry-after']) > 30);
  t.equal(refused.headers['ratelimit-policy'], '"login-address";q=60;w=300, "login-account";q=15;w=300');
  t.match(refused.headers['ratelimit'], /^"login-address";r=44;t=\d+, "login-account";r=0;t=\d+$/);
  t.equal((await logIn('203.0.113.66', owner.email, owner.password)).status, 429, 'nor does he get in by being right');

  const welcome = await logIn('198.51.100.1', owner.email, owner.password);
  t.equal(welcome.status, 200);
  t.match(welcome.headers['ratelimit'], /^"login-address";r=59;t=\d+, "login-account";r=14;t=\d+$/);
});

t.test('what the client writes into X-Forwarded-For gives him no other address', async (t) => {
  let place = 0;
  const attack = () => {
    place += 1;
    return logIn(`192.0.2.${place}, 203.0.113.67`, owner.email, 'a wrong password');
  };
  t.equal((await repeat(limitsByName['login-account'].count + 1, attack)).at(-1), 429);
});

t.test('votes are counted by user, over both processes and wherever they come from', async (t) => {
  const [ana, ben] = [await createPlayer(service.baseUrl), await createPlayer(service.baseUrl)];
  const vote = (token: string) => call('/api/public/videos/1/vote', { method: 'POST', token });
  const { count } = limitsByName['vote-user'];
  t.strictSame(await repeat(count, () => vote(ana.token)), Array(count).fill(404));
  t.equal((await vote(ana.token)).status, 429);
  t.equal((await vote(ben.token)).status, 404);
  t.equal((await call('/api/public/videos/1/vote', { method: 'POST' })).status, 401, 'who is nobody is not counted');
});

t.test('sign-ups are counted by address, of IPv6 by its network', async (t) => {
  let place = 0;
  const signUp = () => {
    place += 1;
    const person = { first_name: 'A', last_name: 'B', email: `s${place}@example.com` };
    return call('/api/auth/signup', {
      json: { ...person, password1: 'long enough', password2: 'other text' },
      headers: { 'x-forwarded-for': `2001:db8:7:7::${place.toString(16)}` },
    });
  };
  const { count } = limitsByName['signup-address'];
  t.strictSame(await repeat(count, signUp), Array(count).fill(400));
  t.equal((await signUp()).status, 429);
});

t.test('an upload over the limit is refused', async (t) => {
  const player = await createPlayer(service.baseUrl);
  const upload = () =>
    call('/api/videos/upload', { token: player.token, body: 'x', headers: { 'content-type': 'text/plain' } });
  const { count } = limitsByName['upload-user'];
  t.strictSame(await repeat(count, upload), Array(count).fill(422));
  t.equal((await upload()).status, 429);
});

t.test('health, lists and rankings know no limit', async (t) => {
  for (const path of ['/', '/livez', '/readyz', '/api/public/rankings', '/api/public/videos']) {
    const answer = await call(path);
    t.equal(answer.status, 200);
    t.equal(answer.headers['ratelimit'], undefined);
  }
});

t.test('with Redis away everybody is let through at once, and a metric tells', async (t) => {
  proxy.setFault({ refuses: true });
  proxy.cutAll();
  const { count } = limitsByName['login-account'];
  const statuses = await repeat(count + 3, () => logIn('203.0.113.68', owner.email, 'a wrong password'));
  t.strictSame(statuses, Array(count + 3).fill(401));
  const metrics = await Promise.all(service.metricsUrls.web.map((url) => request(url)));
  const open = metrics.map(({ text }) => Number(/^competition_rate_limiter_fail_open_total (\d+)$/m.exec(text)?.[1]));
  t.equal((open[0] ?? 0) + (open[1] ?? 0), 2 * (count + 3));
  proxy.setFault({});
});

t.test('over loopback nobody is limited, unless that is set', async (t) => {
  const plain = await startService(t, environment);
  const attack = () =>
    request(`${plain.baseUrl}/api/auth/login`, { json: { email: owner.email, password: 'a wrong password' } });
  const { count } = limitsByName['login-account'];
  t.strictSame(await repeat(count + 2, attack), Array(count + 2).fill(401));
});

t.test('RATE_LIMITS=off limits nobody, and says so in a warning at the start', async (t) => {
  const unlimited = await startService(t, environment, { env: { ...behindBalancer, RATE_LIMITS: 'off' } });
  const attack = () =>
    request(`${unlimited.baseUrl}/api/auth/login`, {
      json: { email: owner.email, password: 'a wrong password' },
      headers: { 'x-forwarded-for': '203.0.113.69' },
    });
  const { count } = limitsByName['login-account'];
  t.strictSame(await repeat(count + 2, attack), Array(count + 2).fill(401));
  t.equal((await attack()).headers['ratelimit'], undefined);
  const warnings = unlimited
    .readLog()
    .filter(({ level, msg }) => level === 40 && /^RATE_LIMITS=off: /.test(String(msg)));
  t.equal(warnings.length, 1);
});
