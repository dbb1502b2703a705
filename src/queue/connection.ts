import { Redis } from 'ioredis';
import {
  keepAliveDelaySeconds,
  redisBlockMaxMs,
  redisConnectTimeoutMs,
  redisReconnectMaxMs,
  redisSilenceMs,
} from '../limits.ts';

export type { Redis };
export type OnRedisError = (error: Error) => void;

/** Commands fail at once while Redis is away: the callers can do without it. */
export function openProducerConnection(redisUrl: string, onError: OnRedisError): Redis {
  return open(redisUrl, onError, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
}

/** Commands wait until Redis is back, which is what a consumer wants (and BullMQ demands). */
export function openConsumerConnection(redisUrl: string, onError: OnRedisError): Redis {
  const connection = open(redisUrl, onError, { enableOfflineQueue: true, maxRetriesPerRequest: null });
  // BullMQ blocks on a duplicate, which is silent for as long as it blocks.
  const socketTimeout = redisBlockMaxMs + redisSilenceMs;
  connection.duplicate = (override) => new Redis({ ...connection.options, ...override, socketTimeout });
  return connection;
}

interface CommandPolicy {
  enableOfflineQueue: boolean;
  maxRetriesPerRequest: number | null;
}

/**
 * A connection that owes an answer for `redisSilenceMs` is opened again: one that is lost without FIN or RST would stay
 * silent without end. So is one whose server does not take writes any more, since the address leads to another server by now.
 */
function open(redisUrl: string, onError: OnRedisError, policy: CommandPolicy): Redis {
  const connection = new Redis(redisUrl, {
    ...policy,
    connectTimeout: redisConnectTimeoutMs,
    socketTimeout: redisSilenceMs,
    keepAlive: keepAliveDelaySeconds * 1000,
    retryStrategy: (times) => Math.min(times * 100, redisReconnectMaxMs),
    reconnectOnError: isFromReplica,
  });
  connection.on('error', onError);
  return connection;
}

/** After a failover: a write to a replica, a blocked command on a server that became one, a replica without its primary. */
function isFromReplica({ message }: Error): boolean {
  return /^(?:READONLY|UNBLOCKED|MASTERDOWN)|-READONLY/.test(message);
}
