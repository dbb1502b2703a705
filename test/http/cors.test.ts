import t from 'tap';
import { loadConfig } from '../../src/config.ts';
import type { Reply } from '../../src/http/reply.ts';
import type { Row } from '../../src/http/route.ts';
import { request } from '../support/http.ts';
import { serveRows } from './in-process-server.ts';

const tus: Reply = { status: 204, headers: [['Tus-Version', '1.0.0']] };
const rows: readonly Row[] = [
  { method: 'PATCH', path: '/items/{id}', auth: 'user', handle: () => ({ status: 204 }) },
  { method: 'GET', path: '/items/{id}', auth: 'none', handle: () => ({ status: 200, body: 1 }) },
  {
    method: 'OPTIONS',
    path: '/tus',
    auth: 'none',
    handle: () => tus,
  },
];
const origin = 'https://page.example.com';
const on = await serveRows(t, rows, { corsOrigins: ['https://other.example.com', origin] });
const off = await serveRows(t, rows);
const corsHeaders = (headers: object) => Object.keys(headers).filter((name) => /^access-control-|^vary$/.test(name));

t.test('a preflight request is answered from the rows of its path, without a token', async (t) => {
  const headers = { origin, 'access-control-request-method': 'PATCH' };
  for (const path of ['/items/7', '/items/7/']) {
    const answer = await request(`${on.baseUrl}${path}`, { method: 'OPTIONS', headers });
    t.equal(answer.status, 204);
    t.match(answer.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, PATCH',
      'access-control-max-age': /^\d+$/,
      vary: 'Origin',
    });
    for (const name of ['Authorization', 'Content-Type', 'Tus-Resumable', 'Upload-Offset', 'Upload-Metadata']) {
      t.match(answer.headers['access-control-allow-headers'], new RegExp(`\\b${name}\\b`));
    }
    t.notOk(answer.headers['access-control-allow-credentials']);
  }
  const own = await request(`${on.baseUrl}/tus`, { method: 'OPTIONS', headers });
  t.equal(own.headers['access-control-allow-methods'], 'OPTIONS', 'also where the path has an OPTIONS row');
  t.equal(
    (await request(`${on.baseUrl}/tus`, { method: 'OPTIONS', headers: { origin } })).headers['tus-version'],
    '1.0.0',
  );
});

t.test('a response names the origin and exposes every header of the service, errors included', async (t) => {
  const paths: [string, string, number][] = [
    ['GET', '/items/7', 200],
    ['PATCH', '/items/7', 401],
    ['DELETE', '/items/7', 405],
    ['GET', '/nowhere', 404],
  ];
  for (const [method, path, status] of paths) {
    const answer = await request(`${on.baseUrl}${path}`, { method, headers: { origin } });
    t.equal(answer.status, status);
    t.match(answer.headers, { 'access-control-allow-origin': origin, vary: 'Origin' });
    for (const name of [
      'X-Request-Id',
      'Link',
      'ETag',
      'Retry-After',
      'Location',
      'Upload-Offset',
      'Tus-Version',
      'X-Video-Id',
    ]) {
      t.match(answer.headers['access-control-expose-headers'], new RegExp(`\\b${name}\\b`), name);
    }
  }
});

t.test('another origin, and none, get no permission, and caches know that the response varies', async (t) => {
  const others: Record<string, string>[] = [{ origin: 'https://evil.example.com' }, { origin: 'null' }, {}];
  for (const headers of others) {
    const answer = await request(`${on.baseUrl}/items/7`, { headers });
    t.equal(answer.status, 200);
    t.strictSame(corsHeaders(answer.headers), ['vary']);
    const preflight = { ...headers, 'access-control-request-method': 'PATCH' };
    const refused = await request(`${on.baseUrl}/items/7`, { method: 'OPTIONS', headers: preflight });
    t.strictSame(corsHeaders(refused.headers), ['vary']);
  }
});

t.test('without origins nothing changes', async (t) => {
  const headers = { origin, 'access-control-request-method': 'PATCH' };
  t.strictSame(corsHeaders((await request(`${off.baseUrl}/items/7`, { headers })).headers), []);
  const answer = await request(`${off.baseUrl}/items/7`, { method: 'OPTIONS', headers });
  t.equal(answer.status, 405);
  t.strictSame(corsHeaders(answer.headers), []);
});

t.test('CORS_ORIGINS is a list of origins, and nothing else', async (t) => {
  const needed = {
    DATABASE_URL: 'postgres://localhost/x',
    REDIS_URL: 'redis://localhost',
    S3_BUCKET_NAME: 'bucket',
    SECRET_KEY: 'secret'.repeat(6),
  };
  const read = (text: string) => loadConfig({ ...needed, CORS_ORIGINS: text }).corsOrigins;
  t.strictSame(read(''), []);
  t.strictSame(read(`${origin}, http://localhost:5173 ,`), [origin, 'http://localhost:5173']);
  for (const text of ['*', 'page.example.com', `${origin}/`, `${origin}/path`, 'HTTPS://PAGE.example.com', 'null']) {
    t.throws(() => read(text), { message: /Expected CORS_ORIGINS to be origins like/ }, text);
  }
});
