import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findFfmpeg } from '../dev/servers/ffmpeg.ts';
import { startRedisIn, startS3In } from '../dev/servers/in-folder.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import type { Server } from '../dev/servers/server.ts';
import { freePort } from '../lib/ports.ts';
import { type Say, step } from '../lib/steps.ts';

/** As many as Redis gets for the tests; each environment has one of its own. */
export const redisDatabases = 1024;

export interface TestServers {
  /** What the tests find their servers by. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts what the tests run on, in one folder and on free ports, or stops what it had started. */
export async function startTestServers(folder: string, say: Say): Promise<TestServers> {
  const started: Server[] = [];
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())));
  const keep = <T extends Server>(server: T): T => {
    started.push(server);
    return server;
  };
  const outcomes = await Promise.allSettled([
    step(
      say,
      (server) => server.description,
      async () => keep(await launchPostgres(folder)),
    ),
    step(
      say,
      (server) => server.description,
      async () => keep(await startRedisIn(folder, redisDatabases)),
    ),
    step(
      say,
      (server) => server.description,
      async () => keep(await startS3In(folder)),
    ),
    step(say, (ffmpeg) => ffmpeg.description, findFfmpeg),
  ]);
  const [postgres, redis, s3, ffmpeg] = outcomes;
  if (
    postgres.status === 'fulfilled' &&
    redis.status === 'fulfilled' &&
    s3.status === 'fulfilled' &&
    ffmpeg.status === 'fulfilled'
  ) {
    const env = {
      TEST_DATABASE_URL: postgres.value.url,
      TEST_REDIS_URL: redis.value.url,
      TEST_S3_ENDPOINT: s3.value.endpoint,
      AWS_ACCESS_KEY_ID: s3.value.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.value.secretAccessKey,
      AWS_ACCOUNT_ID: s3.value.accessKeyId,
      FFMPEG_PATH: ffmpeg.value.ffmpegPath,
      FFPROBE_PATH: ffmpeg.value.ffprobePath,
    };
    return { env, stop };
  }
  await stop();
  throw outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
}

async function launchPostgres(folder: string) {
  return startPostgres({
    folder: join(folder, 'postgres'),
    port: await freePort(),
    password: randomBytes(16).toString('hex'),
    logPath: join(folder, 'postgres.log'),
    isDurable: false,
  });
}
