import { sweepLockRenewMs } from '../limits.ts';
import { openSession, type Sql } from './open.ts';

/**
 * Runs `work`, or resolves to undefined at once when another process runs the same sweep. The lock is a session lock on a
 * connection of its own: it ends with the process and holds no transaction open. A timer keeps the session in use, because the
 * server ends an idle session: a client whose connection was lost without notice would otherwise hold the lock for hours. When
 * the lock is lost, two sweeps may do the same work, which is harmless.
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
