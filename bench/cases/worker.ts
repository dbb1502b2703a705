import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBucket } from '../../scripts/dev/servers/bucket.ts';
import { makeBenchFolder, openBenchPostgres, openBenchRedis, openBenchS3 } from '../../scripts/dev/testbed/servers.ts';
import { openCgroup } from '../../scripts/lib/cgroup.ts';
import { findTools } from '../../worker/tools.ts';
import { atMost, type BenchCase, type Candidate, type Figures } from '../lib/bench-case.ts';
import { makeShortClip, measureLaunchSeconds } from '../lib/launch-cost.ts';
import { makeSizedClip } from '../lib/sized-clip.ts';
import { openWorkerLoad, type WorkerLoad } from '../lib/worker-load.ts';

const sizesMiB = [10, 50, 100];
const jobsAtOnce = [1, 2, 4];
/** The arrival rate at one worker. A worker that completes fewer videos has a growing queue. */
const offeredVideosPerMinute = 4;

/**
 * Runs the built worker on real servers, with a burst of half-minute videos of one size in its queue. Each burst has a worker
 * of its own, which warms up first. BENCH_SIZES (MiB, separated by commas) and BENCH_BURST set the sizes and the burst.
 */
export const benchCase: BenchCase = {
  name: 'worker',
  summary: 'A worker under bursts of videos, by file size and jobs at once',
  async open(defer) {
    const { FFMPEG_PATH, FFPROBE_PATH, PATH, BENCH_SIZES, BENCH_BURST } = process.env;
    const tools = await findTools({ ffmpegPath: FFMPEG_PATH, ffprobePath: FFPROBE_PATH, searchPath: PATH ?? '' });
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    const redis = await openBenchRedis(folder, defer);
    const s3 = await openBenchS3(folder, defer);
    const bucket = { endpoint: s3.endpoint, region: 'us-east-1', bucket: 'bench' };
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = s3.settings;
    await ensureBucket({ ...bucket, accessKeyId, secretAccessKey });
    const settings = {
      ...s3.settings,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      S3_BUCKET_NAME: 'bench',
      FFMPEG_PATH: tools.ffmpeg,
      FFPROBE_PATH: tools.ffprobe,
    };
    // A control group counts what bubblewrap starts. The worker's own account does not, because it never waits for those.
    const cpu = openCgroup(`bench-${process.pid}`);
    defer(() => cpu.remove());
    const shortClip = await makeShortClip(tools.ffmpeg, join(folder, 'short.mp4'));
    const launchSeconds = await measureLaunchSeconds(tools.ffmpeg, join(folder, 'launch'), shortClip, cpu);
    const load = openWorkerLoad({ folder, settings, sql: postgres.sql, cpu, launchSeconds, shortClip });
    defer(() => load.close());
    const sizes = (BENCH_SIZES ?? sizesMiB.join()).split(',').map(Number);
    const clips = new Map<number, string>();
    for (const size of sizes) {
      clips.set(size, await makeSizedClip(tools.ffmpeg, join(folder, `clip-${size}.mp4`), size));
    }
    const burst = Number(BENCH_BURST ?? 4);
    return {
      candidates: [...clips].flatMap(([size, clip]) =>
        jobsAtOnce.map((jobs) => createCandidate(load, size, jobs, clip, burst)),
      ),
      targets: sizes.map((size) => {
        const what = `worker's own CPU / FFmpeg's, half a minute in ${size} MiB, per cent`;
        return atMost(what, [`${size} MiB, 2 at once`, 'ownCpuPercent'], 1);
      }),
      runMetadata: {
        ffmpeg: tools.version,
        launchSeconds,
        offeredVideosPerMinute,
        burst,
        clips: [...clips].map(([size, path]) => ({ name: `${size} MiB`, bytes: statSync(path).size })),
      },
    };
  },
};

function createCandidate(load: WorkerLoad, size: number, jobs: number, clip: string, burst: number): Candidate {
  return {
    name: `${size} MiB, ${jobs} at once`,
    async run({ isWarmUp }): Promise<Figures> {
      if (isWarmUp) return {};
      const figures = await load.runBurst(clip, burst, { JOBS_AT_ONCE: String(jobs) });
      return { ...figures, queueGrows: figures.videosPerMinute < offeredVideosPerMinute ? 1 : 0 };
    },
  };
}
