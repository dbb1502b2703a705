import { Redis } from 'ioredis';
import { redisConnectTimeoutMs, redisReconnectMaxMs } from '../limits.ts';

export type { Redis };
export type OnRedisError = (error: Error) => void;

/** Commands fail at once while Redis is away: who calls can do without it. */
export function openProducerConnection(redisUrl: string, onError: OnRedisError): Redis {
  return open(redisUrl, onError, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
}

/** Commands wait until Redis is back, which is what a consumer wants (and BullMQ demands). */
export function openConsumerConnection(redisUrl: string, onError: OnRedisError): Redis {
  return open(redisUrl, onError, { enableOfflineQueue: true, maxRetriesPerRequest: null });
}

interface Patience {
  enableOfflineQueue: boolean;
  maxRetriesPerRequest: number | null;
}

function open(redisUrl: string, onError: OnRedisError, patience: Patience): Redis {
  const connection = new Redis(redisUrl, {
    ...patience,
    connectTimeout: redisConnectTimeoutMs,
    retryStrategy: (times) => Math.min(times * 100, redisReconnectMaxMs),
  });
  connection.on('error', onError);
  return connection;
}
