import { loadWorkerConfig, type Values, type WorkerConfig } from '../../src/config.ts';
import { readSettings } from '../../src/settings.ts';
import { expectRunFile } from './run-file.ts';

/** The settings of the environment where it has any, else of the service that runs from DATA_DIR. */
export async function findService(env: Values): Promise<WorkerConfig> {
  if (env['DATABASE_URL'] || env['SETTINGS_SOURCE'])
    return loadWorkerConfig(await readSettings(env, { withTokenKey: false }));
  const { databaseUrl, redisUrl, s3 } = await expectRunFile(env);
  return loadWorkerConfig({
    ...env,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET_NAME: s3.bucket,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_ACCOUNT_ID: s3.accountId ?? undefined,
  });
}
