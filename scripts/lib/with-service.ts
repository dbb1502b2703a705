import { type Config, loadConfig, type Values } from '../../src/config.ts';
import type { Sql } from '../../src/database/open.ts';
import { type ObjectStore, openObjectStore } from '../../src/objects/store.ts';
import { type VideoProducer, videoQueue } from '../../src/queue/video-queue.ts';
import { readSettings } from '../../src/settings.ts';
import { expectRunFile } from './run-file.ts';
import { withSql } from './with-database.ts';

export interface Stores {
  readonly config: Config;
  readonly sql: Sql;
  readonly objects: ObjectStore;
  readonly producer: VideoProducer;
}

/** Opens the stores of the service that the settings name, else of the one that runs from DATA_DIR, and closes them after `use`. */
export async function withService<T>(applicationName: string, use: (stores: Stores) => Promise<T>): Promise<T> {
  const config = await findService(process.env);
  const options = { applicationName, connections: 4, nextPassword: config.databaseNextPassword };
  return withSql(config.databaseUrl, options, async (sql) => {
    const objects = openObjectStore(config.s3);
    const producer = videoQueue.openProducer(config.redisUrl);
    try {
      return await use({ config, sql, objects, producer });
    } finally {
      await producer.close();
      objects.close();
    }
  });
}

async function findService(env: Values): Promise<Config> {
  if (env['DATABASE_URL'] || env['SETTINGS_SOURCE']) return loadConfig(await readSettings(env));
  const { databaseUrl, redisUrl, secretKey, s3 } = await expectRunFile(env);
  return loadConfig({
    ...env,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    SECRET_KEY: secretKey,
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET_NAME: s3.bucket,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_ACCOUNT_ID: s3.accountId ?? undefined,
  });
}
