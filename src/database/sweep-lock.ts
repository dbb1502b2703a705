import { sweepLockRenewMs } from '../limits.ts';
import { openSession, type Sql } from './open.ts';

/**
 * Runs `work` unless another process runs the same sweep: then undefined, at once. The lock is a session's, held on a
 * connection of its own: it goes with the process, however that ends, and holds no transaction open meanwhile. The session is
 * used again and again, because the server frees the lock of one that is silent: a client whose connection was lost without
 * notice would keep the lock for hours. When the lock is lost, what a sweep does may be done twice, which it can stand.
 */
export async function withSweepLock<T>(sql: Sql, name: string, work: () => Promise<T>): Promise<T | undefined> {
  const session = openSession(sql);
  let renewal: NodeJS.Timeout | undefined;
  try {
    const [row] = await session<{ locked: boolean }[]>`select pg_try_advisory_lock(hashtext(${name})) as locked`;
    if (row?.locked !== true) return undefined;
    renewal = setInterval(() => session`select 1`.catch(() => undefined), sweepLockRenewMs);
    return await work();
  } finally {
    clearInterval(renewal);
    await session.end({ timeout: 1 });
  }
}
