import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { withSweepLock } from '../../src/database/sweep-lock.ts';
import { createEmptyDatabase } from './own-database.ts';

t.test('of two concurrent sweeps one runs, and the lock is free after it', async (t) => {
  const { sql } = await createEmptyDatabase(t);
  const inner = await withSweepLock(sql, 'a', () => withSweepLock(sql, 'a', async () => 'both'));
  t.equal(inner, undefined);
  t.equal(await withSweepLock(sql, 'a', async () => 'one'), 'one');
  await t.rejects(
    withSweepLock(sql, 'a', () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  t.equal(await withSweepLock(sql, 'a', async () => 'again'), 'again');
});

t.test('a sweep whose connection is cut goes on to its end, and the process lives', async (t) => {
  const { sql } = await createEmptyDatabase(t);
  const cut = await withSweepLock(sql, 'a', async () => {
    const rows = await sql`
      select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
    await waitFor('the lock to be gone', async () => {
      const held = await sql`
        select from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
      return held.length === 0;
    });
    // The connection was closed before the lock was released. One round trip later this process knows.
    await sql`select`;
    return rows.length;
  });
  t.equal(cut, 1);
  t.equal(await withSweepLock(sql, 'a', async () => 'free'), 'free');
});
