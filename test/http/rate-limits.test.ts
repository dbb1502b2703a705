import { Redis } from 'ioredis';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { limitsByName, logInFailuresFree, logInWaitMaxSeconds } from '../../src/rate-limits/limits-by-name.ts';
import { hashKey } from '../../src/rate-limits/log-in-guard.ts';
import { mp4 } from '../acceptance/support.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { createEnvironment } from '../support/environment.ts';
import { type Answer, type RequestOptions, request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';

/** Behind one balancer, and limited on loopback, too: the address is what the balancer adds. */
const behindBalancer = { RATE_LIMIT_LOOPBACK: 'on', TRUSTED_HOPS: '1' };
const environment = await createEnvironment(t);
const redisUrl = new URL(environment.values['REDIS_URL'] ?? '');
const proxy = await startTcpProxy(t, { port: Number(redisUrl.port) });
const redis = new Redis(redisUrl.href);
t.teardown(() => redis.disconnect());
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

t.test('of an IPv6 /48, sign-ups from many /64 are counted together', async (t) => {
  let place = 0;
  const signUp = () => {
    place += 1;
    const person = { first_name: 'A', last_name: 'B', email: `n${place}@example.com` };
    return call('/api/auth/signup', {
      json: { ...person, password1: 'long enough', password2: 'other text' },
      headers: { 'x-forwarded-for': `2001:db8:8:${place.toString(16)}::1` },
    });
  };
  const { count } = limitsByName['signup-network'];
  t.strictSame(await repeat(count, signUp), Array(count).fill(400));
  const refused = await signUp();
  t.equal(refused.status, 429);
  t.match(refused.headers['ratelimit'], /"signup-address";r=29;t=\d+, "signup-network";r=0;t=\d+/);
});

t.test('of 560 guesses at one account from as many addresses few are looked at; the known owner gets in', async (t) => {
  const victim = await createPlayer(service.baseUrl);
  const home = () => logIn('198.51.100.7', victim.email, victim.password);
  t.equal((await home()).status, 200);
  for (const email of [victim.email, 'no.such.user@example.com']) {
    let place = 0;
    const guess = () => {
      place += 1;
      return logIn(`10.${place >> 8}.${place & 255}.1`, email, 'a wrong password');
    };
    const answers: Answer[] = [];
    for (let i = 0; i < 70; i += 1) answers.push(...(await Promise.all(Array.from({ length: 8 }, guess))));
    const looked = answers.filter(({ status }) => status === 401).length;
    t.ok(looked > logInFailuresFree && looked < 40, `${looked} of 560 guesses at ${email} were looked at`);
    const refused = answers.filter(({ status }) => status === 429);
    t.equal(refused.length + looked, 560);
    t.match(refused.at(-1)?.json(), { code: 'too_many_log_ins', detail: String });
    t.ok(Number(refused.at(-1)?.headers['retry-after']) >= 1);
  }
  t.equal((await home()).status, 200, 'from a network that has logged in before');
  t.equal((await logIn('198.51.100.99', victim.email, victim.password)).status, 200, 'and from its neighbour');
  // The wait that the guesses have left may end at any moment: a longer one takes its place.
  await redis.set(`login:wait:${hashKey(victim.email)}`, '1', 'EX', logInWaitMaxSeconds);
  t.equal((await logIn('192.0.2.7', victim.email, victim.password)).status, 429, 'a new network has to wait');
});

t.test(
  'a line of the security log tells each limit, log-in and refusal, and names neither e-mail nor token',
  async (t) => {
    const player = await createPlayer(service.baseUrl);
    const loggedIn = await logIn('198.51.101.7', player.email, player.password);
    const refused = await logIn('198.51.101.7', player.email, 'a wrong password');
    const find = (requestId: string | undefined) =>
      waitFor('the line', () =>
        service.readLog().find((line) => line['msg'] === 'security' && line['requestId'] === requestId),
      );
    const address = '198.51.101.0/24';
    const requestIdOf = ({ headers }: Answer) => headers['x-request-id'] as string;
    t.match(await find(requestIdOf(loggedIn)), { event: 'log_in_succeeded', userId: player.id, address });
    t.match(await find(requestIdOf(refused)), { event: 'log_in_refused', userId: player.id, address });
    const lines = service.readLog().filter((line) => line['msg'] === 'security');
    t.ok(lines.some((line) => line['event'] === 'limit_exceeded' && line['limit'] === 'login-wait'));
    for (const line of lines)
      t.strictSame(
        Object.keys(line).filter(
          (key) => !/^(level|time|pid|process|msg|event|userId|videoId|limit|code|address|requestId)$/.test(key),
        ),
        [],
      );
    t.notMatch(JSON.stringify(lines), /@example\.com|eyJ/, 'no e-mail and no token');
  },
);

t.test('at most 20 videos of a user wait at once', async (t) => {
  const player = await createPlayer(service.baseUrl);
  const upload = () => call('/api/videos/upload', { method: 'POST', token: player.token, ...buildUploadForm(mp4()) });
  t.equal((await upload()).status, 201);
  const { sql } = environment;
  await sql`insert into videos (title, user_id, status) select 'a', ${player.id}, 'uploaded' from generate_series(1, 18)`;
  const answers = await Promise.all([upload(), upload(), upload()]);
  t.strictSame(answers.map(({ status }) => status).sort(), [201, 429, 429]);
  const refused = answers.find(({ status }) => status === 429);
  t.match(refused?.json(), { code: 'too_many_waiting', detail: /^At most 20 videos/ });
  t.equal(refused?.headers['retry-after'], '60');
  await sql`delete from videos where original_url is null`;
  await call('/api/auth/account', { method: 'DELETE', token: player.token, json: { password: player.password } });
});

t.test('with Redis away each process counts its share by itself, and a metric and a warning tell', async (t) => {
  proxy.setFault({ refuses: true });
  proxy.cutAll();
  const { count } = limitsByName['login-account'];
  const statuses = await repeat(2 * count, () => logIn('203.0.113.68', owner.email, 'a wrong password'));
  const allowed = statuses.filter((status) => status === 401).length;
  t.ok(allowed >= Math.ceil(count / 2) && allowed <= count + 1, `${allowed} of ${2 * count} were let through`);
  t.equal(statuses.filter((status) => status === 429).length, 2 * count - allowed);
  await waitFor('the warning', () => service.readLog().some((line) => line['event'] === 'rate_limiter_fallback'));
  const metrics = await Promise.all(service.metricsUrls.web.map((url) => request(url)));
  const open = metrics.map(({ text }) => Number(/^competition_rate_limiter_fallback_total (\d+)$/m.exec(text)?.[1]));
  t.ok((open[0] ?? 0) + (open[1] ?? 0) >= 4 * count);
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
