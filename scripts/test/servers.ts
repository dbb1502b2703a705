import { findFfmpeg } from '../dev/servers/ffmpeg.ts';
import { startPostgresIn, startRedisIn, startS3In } from '../dev/servers/in-folder.ts';
import type { Server } from '../dev/servers/server.ts';
import { settleAll } from '../lib/settle-all.ts';
import { type Say, step } from '../lib/steps.ts';

/** Number of Redis databases; each test environment uses one. */
export const redisDatabases = 1024;

export interface TestServers {
  /** Variables by which the tests find their servers. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts the servers of the tests, in one folder and on free ports. If one fails, stops the others and rejects. */
export async function startTestServers(folder: string, say: Say): Promise<TestServers> {
  const started: Server[] = [];
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())));
  const describe = ({ description }: { description: string }) => description;
  const start = <T extends Server>(launch: () => Promise<T>): Promise<T> =>
    step(say, describe, async () => {
      const server = await launch();
      started.push(server);
      return server;
    });
  try {
    const [postgres, redis, s3, ffmpeg] = await settleAll([
      start(() => startPostgresIn(folder, { isDurable: false })),
      start(() => startRedisIn(folder, redisDatabases)),
      start(() => startS3In(folder)),
      step(say, describe, findFfmpeg),
    ]);
    const env = {
      TEST_DATABASE_URL: postgres.url,
      TEST_REDIS_URL: redis.url,
      TEST_S3_ENDPOINT: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      AWS_ACCOUNT_ID: s3.accessKeyId,
      FFMPEG_PATH: ffmpeg.ffmpegPath,
      FFPROBE_PATH: ffmpeg.ffprobePath,
    };
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
