import type { Sql } from './open.ts';

/**
 * Runs `work` unless another process is at the same sweep: then undefined, at once. The lock is a session's, held on a
 * connection of its own: it goes with the process, however that ends, and holds no transaction open meanwhile.
 */
export async function withSweepLock<T>(sql: Sql, name: string, work: () => Promise<T>): Promise<T | undefined> {
  const session = await sql.reserve();
  try {
    const [row] = await session<{ locked: boolean }[]>`select pg_try_advisory_lock(hashtext(${name})) as locked`;
    if (row?.locked !== true) return undefined;
    try {
      return await work();
    } finally {
      await session`select pg_advisory_unlock(hashtext(${name}))`;
    }
  } finally {
    session.release();
  }
}
