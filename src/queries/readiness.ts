import { checkDatabase, type Sql } from '../database/open.ts';
import { describeMissing, openDependencyChecks } from '../dependencies.ts';
import type { ObjectStore } from '../objects/store.ts';
import type { VideoProducer } from '../queue/video-queue.ts';

export type Readiness = ReturnType<typeof openReadiness>;

export function openReadiness(sql: Sql, objects: ObjectStore, producer: VideoProducer) {
  const findMissing = openDependencyChecks({
    database: () => checkDatabase(sql),
    object_store: objects.checkBucket,
    redis: producer.checkWritable,
  });
  return {
    findMissing,
    /**
     * Resolves to a message about a required dependency that is unreachable, or to undefined. Redis is not required: without it
     * videos wait, but no request is rejected.
     */
    async describeMissing(): Promise<string | undefined> {
      return describeMissing((await findMissing()).filter((dependency) => dependency !== 'redis'));
    },
  };
}
