import type { OnRedisError } from './connection.ts';
import { type ConsumerOptions, openConsumer, type Process, type QueuePolicy } from './consumer.ts';
import { openProducer } from './producer.ts';
import type { QueueName } from './queue-name.ts';

/**
 * Returns the two ends of a queue, without connecting. A new queue is a name here and a policy for its consumer. Producers
 * need no policy: the consumer alone decides about retries.
 */
export function openQueue<Job>(queue: QueueName<Job>) {
  return {
    openProducer: (redisUrl: string, onError?: OnRedisError) => openProducer(queue, redisUrl, onError),
    openConsumer: (redisUrl: string, policy: QueuePolicy, options: ConsumerOptions<Job>, process: Process<Job>) =>
      openConsumer(queue, redisUrl, policy, options, process),
  };
}
