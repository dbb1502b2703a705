import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { startService } from '../support/service.ts';

const environment = await createEnvironment(t);

t.test('X-Forwarded-For counts only from a trusted network, and one warning tells of it', async (t) => {
  const behindOther = { RATE_LIMIT_LOOPBACK: 'on', TRUSTED_HOPS: '1', TRUSTED_PROXIES: '192.0.2.0/24, 2001:db8::/32' };
  for (const env of [behindOther, { RATE_LIMIT_LOOPBACK: 'on' }]) {
    const strict = await startService(t, environment, { env });
    const signUp = (place: number) =>
      request(`${strict.baseUrl}/api/auth/signup`, {
        json: {
          first_name: 'A',
          last_name: 'B',
          email: 'x@example.com',
          password1: 'long enough',
          password2: 'other text',
        },
        headers: { 'x-forwarded-for': `203.0.113.${place}` },
      });
    const remaining = [];
    for (let place = 1; place <= 3; place += 1)
      remaining.push(/"signup-address";r=(\d+)/.exec(String((await signUp(place)).headers['ratelimit']))?.[1]);
    t.equal(new Set(remaining).size, 3, 'three requests of one address, the socket');
    const warnings = strict.readLog().filter(({ msg }) => /^X-Forwarded-For ignored/.test(String(msg)));
    t.equal(warnings.length, 1, 'once');
    t.equal(warnings[0]?.['peer'], '127.0.0.1');
  }
});

t.test('a forwarded loopback address is limited as any other: the exemption goes by the socket', async (t) => {
  const balanced = await startService(t, environment, { env: { TRUSTED_HOPS: '1' } });
  const logInFrom = (headers: Record<string, string>) =>
    request(`${balanced.baseUrl}/api/auth/login`, {
      json: { email: 'x@example.com', password: 'a wrong password' },
      headers,
    });
  t.match((await logInFrom({ 'x-forwarded-for': '127.0.0.1' })).headers['ratelimit'], /login-address/);
  t.equal((await logInFrom({})).headers['ratelimit'], undefined, 'a client on this machine');
});

t.test('HOST is the only address that listens', async (t) => {
  const service = await startService(t, environment, { env: { HOST: '127.0.0.1' } });
  t.equal((await request(`${service.baseUrl}/livez`)).status, 200);
  const other = `http://127.0.0.2:${service.port}/livez`;
  await t.rejects(request(other), { code: 'ECONNREFUSED' });
  const open = await startService(t, environment);
  t.equal((await request(`http://127.0.0.2:${open.port}/livez`)).status, 200, 'all addresses unless it is set');
});
