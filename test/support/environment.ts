import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Sql } from '../../src/database/open.ts';
import { type ObjectStore, openObjectStore } from '../../src/objects/store.ts';
import { createBucket } from './bucket.ts';
import { createDatabase, dropDatabase, openTestDatabase } from './database.ts';
import { findLeftovers } from './leftovers.ts';
import { claimRedisDatabase, emptyRedis } from './redis.ts';
import { requireSetting } from './settings.ts';

/** The part of tap's `t` that is needed. */
export interface TestScope {
  teardown(handler: () => Promise<void> | void): void;
}

export interface EnvironmentOptions {
  /** False leaves the database empty. */
  isMigrated?: boolean;
  /** The test kills processes: objects and multipart uploads that an intent names may be left in the bucket. */
  isCrashTest?: boolean;
  /** Settings in addition to those of the servers. */
  values?: Record<string, string>;
}

export interface Environment {
  /** The environment variables of the service's processes. */
  values: Record<string, string>;
  config: Config;
  sql: Sql;
  objects: ObjectStore;
  bucket: Awaited<ReturnType<typeof createBucket>>;
  /** Holds one folder for DATA_DIR and the logs of the processes. */
  folder: string;
  /** Set when a worker has started: from then on no job may be left. */
  hadWorker: boolean;
  isCrashTest: boolean;
}

/** Creates a database, a bucket, a Redis database and a folder for one test. The test fails if it leaves anything in them. */
export async function createEnvironment(t: TestScope, options: EnvironmentOptions = {}): Promise<Environment> {
  const name = `t-${randomBytes(6).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const databaseUrl = await createDatabase(name, options.isMigrated ?? true);
  t.teardown(() => dropDatabase(name));
  const redisUrl = await claimRedisDatabase();
  t.teardown(() => emptyRedis(redisUrl));
  const bucket = await createBucket(name);
  t.teardown(() => bucket.remove());

  const values = { ...settingsFor({ databaseUrl, redisUrl, bucket: name, folder }), ...options.values };
  const config = loadConfig(values);
  const sql = openTestDatabase(databaseUrl, 5);
  const objects = openObjectStore(config.s3);
  const isCrashTest = options.isCrashTest ?? false;
  const environment = { values, config, sql, objects, bucket, folder, hadWorker: false, isCrashTest };
  // Handlers run in the reverse order: this one, after the services have stopped, and before anything is removed.
  t.teardown(async () => {
    try {
      const leftovers = await findLeftovers(environment);
      if (leftovers.length > 0) throw new Error(`Expected nothing to be left, got ${leftovers.join('; ')}`);
    } finally {
      objects.close();
      await sql.end({ timeout: 5 });
    }
  });
  return environment;
}

function settingsFor(own: { databaseUrl: string; redisUrl: string; bucket: string; folder: string }) {
  const dataDir = join(own.folder, 'data');
  mkdirSync(dataDir);
  return {
    SETTINGS_SOURCE: 'env',
    DATABASE_URL: own.databaseUrl,
    REDIS_URL: own.redisUrl,
    S3_ENDPOINT: requireSetting('TEST_S3_ENDPOINT'),
    S3_BUCKET_NAME: own.bucket,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: requireSetting('AWS_ACCESS_KEY_ID'),
    AWS_SECRET_ACCESS_KEY: requireSetting('AWS_SECRET_ACCESS_KEY'),
    AWS_ACCOUNT_ID: requireSetting('AWS_ACCOUNT_ID'),
    SECRET_KEY: randomBytes(32).toString('hex'),
    FFMPEG_PATH: requireSetting('FFMPEG_PATH'),
    FFPROBE_PATH: requireSetting('FFPROBE_PATH'),
    DATA_DIR: dataDir,
    WEB_PROCESSES: '1',
    LOG_LEVEL: 'info',
  };
}
