import { Redis } from 'ioredis';
import { requireSetting } from './settings.ts';

/** Database 0 counts the databases in use; each other one belongs to one environment. */
const databases = 1_024;

export async function claimRedisDatabase(): Promise<string> {
  return withRedis(requireSetting('TEST_REDIS_URL'), async (redis) => {
    const number = 1 + (((await redis.incr('databases-lent')) - 1) % (databases - 1));
    const url = new URL(requireSetting('TEST_REDIS_URL'));
    url.pathname = `/${number}`;
    await redis.select(number);
    await redis.flushdb();
    return url.href;
  });
}

/** Counts the jobs that wait, run or are kept, by the list that holds them. */
export async function findJobs(redisUrl: string): Promise<Record<string, number>> {
  return withRedis(redisUrl, async (redis) => {
    const found: Record<string, number> = {};
    for (const state of ['wait', 'paused', 'active'] as const) {
      for (const key of await redis.keys(`*:${state}`)) found[key] = await redis.llen(key);
    }
    for (const state of ['delayed', 'prioritized', 'failed', 'completed'] as const) {
      for (const key of await redis.keys(`*:${state}`)) found[key] = await redis.zcard(key);
    }
    return Object.fromEntries(Object.entries(found).filter(([, jobs]) => jobs > 0));
  });
}

export async function emptyRedis(redisUrl: string): Promise<void> {
  await withRedis(redisUrl, (redis) => redis.flushdb());
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
