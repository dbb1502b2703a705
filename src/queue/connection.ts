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

/** Opens a producer's connection. Commands fail at once while Redis is unreachable, because producers can do without it. */
export function openProducerConnection(redisUrl: string, onError: OnRedisError): Redis {
  return open(redisUrl, onError, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
}

/** Opens a consumer's connection. Commands wait while Redis is unreachable, which BullMQ requires. */
export function openConsumerConnection(redisUrl: string, onError: OnRedisError): Redis {
  const connection = open(redisUrl, onError, { enableOfflineQueue: true, maxRetriesPerRequest: null });
  // BullMQ sends its blocking command on a duplicate, which is silent for as long as the command blocks.
  const socketTimeout = redisBlockMaxMs + redisSilenceMs;
  connection.duplicate = (override) => new Redis({ ...connection.options, ...override, socketTimeout });
  return connection;
}

interface CommandPolicy {
  enableOfflineQueue: boolean;
  maxRetriesPerRequest: number | null;
}

/**
 * Opens a connection that reconnects when a command has no answer for `redisSilenceMs`: a connection lost without FIN or RST would
 * never end. It also reconnects when its server accepts no writes any more, since the host name then leads to another server.
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

/** Returns whether an error follows a failover: a write to a replica, a blocked command on a new replica, a lost primary. */
function isFromReplica({ message }: Error): boolean {
  return /^(?:READONLY|UNBLOCKED|MASTERDOWN)|-READONLY/.test(message);
}
