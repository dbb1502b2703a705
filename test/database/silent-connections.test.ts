import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { inTransaction, openDatabase, type Sql } from '../../src/database/open.ts';
import { withSweepLock } from '../../src/database/sweep-lock.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { createEmptyDatabase } from './own-database.ts';

t.setTimeout(180_000);
// Each test waits for seconds, on a database and a proxy of its own.
t.jobs = 7;

t.test('a query on a connection that went silent is rejected, and the pool goes on', async (t) => {
  const { sql, proxy } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  await sql`select 1`;
  proxy.silence();
  await t.rejects(sql`select 1`, { name: 'DatabaseTimeoutError', code: 'ETIMEDOUT' });
  t.strictSame([...(await sql`select 1 as one`)], [{ one: 1 }]);
});

t.test('a query that follows the rejection at once is answered', async (t) => {
  const { sql, proxy } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  await sql`select 1`;
  proxy.silence();
  const next = sql`select 1`.catch(() => sql`select 2 as two`);
  t.strictSame([...(await next)], [{ two: 2 }]);
});

t.test('a transaction on a connection that went silent is rejected, and the process lives', async (t) => {
  const { sql, proxy } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  const transaction = inTransaction(sql, async (tx) => {
    await tx`select 1`;
    proxy.silence();
    await tx`select 2`;
  });
  await t.rejects(transaction, { code: 'CONNECTION_CLOSED' });
  t.strictSame([...(await sql`select 1 as one`)], [{ one: 1 }]);
});

t.test('connections that are unused for longer than any silence cost no query', async (t) => {
  const { sql } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int`));
  await sleep(9_000);
  const rows = await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int as n`));
  t.strictSame(rows.flat(), [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

t.test('a statement may take as long as its time-out says', async (t) => {
  const { sql } = await openThroughProxy(t, { statementTimeoutMs: 10_000 });
  t.strictSame([...(await sql`select 1 as one from pg_sleep(6)`)], [{ one: 1 }]);
});

t.test('a server that accepts and closes rejects a query instead of keeping it', async (t) => {
  const { sql, proxy } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  proxy.setFault({ refuses: true, how: 'fin' });
  await t.rejects(sql`select 1`, { code: 'ETIMEDOUT' });
  proxy.setFault({});
  t.strictSame([...(await sql`select 1 as one`)], [{ one: 1 }]);
});

t.test('the server frees a sweep’s lock whose holder went silent', async (t) => {
  const { sql, proxy, direct } = await openThroughProxy(t, { statementTimeoutMs: 1_000 });
  const tryDirectly = () => withSweepLock(direct, 'sweep', async () => 'free');
  await withSweepLock(sql, 'sweep', async () => {
    t.equal(await tryDirectly(), undefined);
    proxy.silence();
    await waitFor('the lock to be free', tryDirectly, { timeoutMs: 90_000, everyMs: 500 });
  });
});

interface Options {
  statementTimeoutMs: number;
}

/** Opens a pool of two connections through a proxy, and a pool that connects directly to the same database. */
async function openThroughProxy(t: Test, options: Options) {
  const { sql: direct, url: directUrl } = await createEmptyDatabase(t);
  const url = new URL(directUrl);
  const proxy = await startTcpProxy(t, { port: Number(url.port) });
  url.port = String(proxy.port);
  const sql: Sql = openDatabase(url.href, { connections: 2, applicationName: 'silent', ...options });
  t.teardown(() => sql.end({ timeout: 1 }));
  return { sql, proxy, direct };
}
