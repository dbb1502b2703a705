import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { freshBytesRefreshMs } from '../../src/limits.ts';
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

/** How often the table has been looked into, in any way, once no backend keeps its numbers to itself any more. */
async function countScans(): Promise<number> {
  let last = { scans: -1, atMs: 0 };
  await waitFor('the statistics to settle', async () => {
    const [row] = await sql<{ scans: number }[]>`
      select seq_scan + coalesce(idx_scan, 0) as scans from pg_stat_user_tables where relname = 'users'`;
    const scans = row?.scans ?? 0;
    if (scans !== last.scans) last = { scans, atMs: performance.now() };
    return performance.now() - last.atMs > 2_500;
  });
  return last.scans;
}

/** One query looks once for each city, once more behind the last one, and then into the one that matches. */
const scansOfCities = 7 + 1 + 1;

for (const [query, scans] of [
  ['', 1],
  ['?page=901&limit=10', 1],
  ['?city=ciudad%203', scansOfCities],
] as const) {
  t.test(`a thousand at once for ${query || 'the first page'} are one query`, async (t) => {
    const before = await countScans();
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => rankings(query)));
    t.ok(answers.every(({ status }) => status === 200));
    t.equal(new Set(answers.map(({ text }) => text)).size, 1);
    t.equal((await countScans()) - before, scans);
  });
}

t.test('however many read for three seconds, at most two queries a second', async (t) => {
  const before = await countScans();
  const endsAtMs = performance.now() + 3_000;
  let reads = 0;
  const read = async () => {
    while (performance.now() < endsAtMs) {
      await rankings('');
      reads += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, read));
  const queries = (await countScans()) - before;
  t.ok(reads > 100, `${reads} reads`);
  t.ok(queries >= 3 && queries <= 1 + 3_000 / freshBytesRefreshMs, `${queries} queries`);
});

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
