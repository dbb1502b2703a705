import t from 'tap';
import { serveFile } from '../../src/http/static-files.ts';
import { request } from '../support/http.ts';
import { serveRows } from './in-process-server.ts';

const page = Buffer.from(`<!doctype html><title>ñ</title>${'<p>text</p>'.repeat(1_000)}`);
const image = Buffer.alloc(10_000);
const server = await serveRows(t, [
  serveFile({
    path: '/page',
    contentType: 'text/html; charset=utf-8',
    bytes: page,
    contentSecurityPolicy: "default-src 'self'",
  }),
  serveFile({ path: '/image', contentType: 'image/png', bytes: image, maxAgeSeconds: 60 }),
]);
const call = (method: string, path: string, { headers = {} as Record<string, string> } = {}) =>
  request(`${server.baseUrl}${path}`, { method, headers });

t.test('a file has an ETag, its encodings and its policy', async (t) => {
  const plain = await call('GET', '/page');
  t.match(plain.headers, {
    'content-security-policy': "default-src 'self'",
    'content-type': 'text/html; charset=utf-8',
  });
  t.ok(plain.bytes.equals(page));
  for (const encoding of ['br', 'gzip']) {
    const { headers, bytes } = await call('GET', '/page', { headers: { 'accept-encoding': encoding } });
    t.match(headers, { 'content-encoding': encoding, vary: /Accept-Encoding/ });
    t.ok(bytes.length < page.length / 5, `${bytes.length} bytes`);
    const again = { 'accept-encoding': encoding, 'if-none-match': String(headers['etag']) };
    t.equal((await call('GET', '/page', { headers: again })).status, 304);
  }
});

t.test('an image is sent as it is, and kept for as long as its row says', async (t) => {
  const { headers, bytes } = await call('GET', '/image', { headers: { 'accept-encoding': 'br' } });
  t.ok(bytes.equals(image));
  t.match(headers, { 'content-type': 'image/png', 'cache-control': 'public, max-age=60' });
  t.notOk(headers['content-encoding']);
});
