import { openSession, type Sql } from './open.ts';

/**
 * Runs `work` unless another process is at the same sweep: then undefined, at once. The lock is a session's, held on a
 * connection of its own: it goes with the process, however that ends, and holds no transaction open meanwhile. When the
 * connection is cut the lock is gone, which a sweep can stand: what it does may be done twice.
 */
export async function withSweepLock<T>(sql: Sql, name: string, work: () => Promise<T>): Promise<T | undefined> {
  const session = openSession(sql);
  try {
    const [row] = await session<{ locked: boolean }[]>`select pg_try_advisory_lock(hashtext(${name})) as locked`;
    return row?.locked === true ? await work() : undefined;
  } finally {
    await session.end({ timeout: 1 });
  }
}
