import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { startService } from '../support/service.ts';

const environment = await createEnvironment(t);
const { sql } = environment;
await sql`
  insert into users (first_name, last_name, email, password_hash, city, votes)
  select 'N' || n, 'L', n || '@example.com', 'x', 'Ciudad ' || n % 7, n % 300 from generate_series(1, 20000) as n`;
await sql`analyze users`;
const service = await startService(t, environment);
const rankings = (query: string, headers: Record<string, string> = {}) =>
  request(`${service.baseUrl}/api/public/rankings${query}`, { headers });

for (const query of ['', '?page=901&limit=10', '?city=ciudad%203']) {
  t.test(`a thousand at once for ${query || 'the first page'} get the same answer`, async (t) => {
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => rankings(query)));
    t.ok(answers.every(({ status }) => status === 200));
    t.equal(new Set(answers.map(({ text }) => text)).size, 1);
  });
}

t.test('compressed for who asks, the same bytes, each form under an ETag that gives 304', async (t) => {
  const query = '?limit=100';
  const plain = await rankings(query);
  t.equal(plain.headers['content-encoding'], undefined);
  t.equal(plain.headers['vary'], 'Accept-Encoding');
  for (const [encoding, decompress] of Object.entries({ gzip: gunzipSync, br: brotliDecompressSync })) {
    const answer = await rankings(query, { 'accept-encoding': encoding });
    const etag = String(answer.headers['etag']);
    t.equal(answer.headers['content-encoding'], encoding);
    t.equal(answer.headers['vary'], 'Accept-Encoding');
    t.ok(answer.bytes.length < plain.bytes.length / 2);
    t.equal(decompress(answer.bytes).toString(), plain.text);
    t.not(etag, plain.headers['etag']);
    const again = await rankings(query, { 'accept-encoding': encoding, 'if-none-match': etag });
    t.match([again.status, again.headers['etag'], again.bytes.length], [304, etag, 0]);
  }
  t.equal((await rankings(query, { 'if-none-match': `"other", W/${plain.headers['etag']}` })).status, 304);
  t.equal((await rankings(query, { 'if-none-match': '"other"' })).status, 200);
});
