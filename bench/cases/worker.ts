import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ensureBucket } from '../../scripts/dev/servers/bucket.ts';
import { makeBenchFolder, openBenchPostgres, openBenchRedis, openBenchS3 } from '../../scripts/dev/testbed/servers.ts';
import { findTools } from '../../worker/tools.ts';
import type { BenchCase, Candidate, Figures, Target } from '../lib/bench-case.ts';
import { openCpuGroup } from '../lib/cpu-group.ts';
import { makeShortClip, measureLaunchSeconds } from '../lib/launch-cost.ts';
import { makeSizedClip } from '../lib/sized-clip.ts';
import { openWorkerLoad, type WorkerLoad } from '../lib/worker-load.ts';

const sizesMiB = [10, 50, 100];
const jobsAtOnce = [1, 2, 4];
/** What is asked of one worker; where it does less, its queue grows. */
const offeredVideosPerMinute = 4;

/**
 * One worker as it was built, on real servers, with a burst of videos of one size waiting, each of half a minute. Each burst has
 * a worker of its own, which warms itself up. BENCH_SIZES (MiB, with commas) and BENCH_BURST change the sizes and how many
 * videos wait.
 */
export const benchCase: BenchCase = {
  name: 'worker',
  summary: 'A worker under bursts of videos by file size and jobs at once, and threads that follow the queue',
  async open(defer) {
    const { FFMPEG_PATH, FFPROBE_PATH, PATH, BENCH_SIZES, BENCH_BURST } = process.env;
    const tools = await findTools({ ffmpegPath: FFMPEG_PATH, ffprobePath: FFPROBE_PATH, searchPath: PATH ?? '' });
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    const redis = await openBenchRedis(folder, defer);
    const s3 = await openBenchS3(folder, defer);
    const place = { endpoint: s3.endpoint, region: 'us-east-1', bucket: 'bench' };
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = s3.settings;
    await ensureBucket({ ...place, accessKeyId, secretAccessKey });
    const settings = {
      ...s3.settings,
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      S3_BUCKET_NAME: 'bench',
      FFMPEG_PATH: tools.ffmpeg,
      FFPROBE_PATH: tools.ffprobe,
    };
    const cpu = openCpuGroup(defer);
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
    const smallest = clips.get(sizes[0] ?? 0) ?? '';
    return {
      candidates: [
        ...sizes.flatMap((size) =>
          jobsAtOnce.map((jobs) => matrixCell(load, size, jobs, clips.get(size) ?? '', burst)),
        ),
        ...threadPolicies.map(({ name, threads }) => threadPolicy(load, name, threads, smallest)),
      ],
      targets: targetsFor(sizes),
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

function matrixCell(load: WorkerLoad, size: number, jobs: number, clip: string, burst: number): Candidate {
  return {
    name: `${size} MiB, ${jobs} at once`,
    async run({ isWarmUp }): Promise<Figures> {
      if (isWarmUp) return {};
      const figures = await load.playBurst(clip, burst, { JOBS_AT_ONCE: String(jobs) });
      return { ...figures, queueGrows: figures.videosPerMinute < offeredVideosPerMinute ? 1 : 0 };
    },
  };
}

const threadPolicies = [
  { name: 'threads follow the queue', threads: 0 },
  { name: 'always one thread', threads: 1 },
  { name: `always ${availableParallelism()} threads`, threads: availableParallelism() },
];

/** Videos one after the other, then six at once. */
function threadPolicy(load: WorkerLoad, name: string, threads: number, clip: string): Candidate {
  const settings = { JOB_THREADS: String(threads) };
  return {
    name,
    async run({ isWarmUp }): Promise<Figures> {
      if (isWarmUp) return {};
      const alone = await load.playBurst(clip, 3, { ...settings, JOBS_AT_ONCE: '1' });
      const busy = await load.playBurst(clip, 6, settings);
      return {
        secondsOfOneAlone: alone.meanServiceSeconds,
        videosPerMinuteOfSix: busy.videosPerMinute,
        cpuSecondsPerVideoOfSix: busy.cpuSecondsPerVideo,
      };
    },
  };
}

function targetsFor(sizes: readonly number[]): Target[] {
  const follows = threadPolicies[0]?.name ?? '';
  const [, one, all] = threadPolicies.map(({ name }) => name) as [string, string, string];
  return [
    ...sizes.map((size): Target => {
      const of = [`${size} MiB, 2 at once`, 'ownCpuPercent'] as const;
      return { what: `own CPU over FFmpeg’s, half a minute in ${size} MiB, per cent`, of, is: '<=', bound: 1 };
    }),
    {
      what: 'one alone: follows / always one thread',
      of: [follows, 'secondsOfOneAlone'],
      against: [one, 'secondsOfOneAlone'],
      is: '<=',
      bound: 1,
    },
    {
      what: 'six at once: follows / always all threads',
      of: [follows, 'videosPerMinuteOfSix'],
      against: [all, 'videosPerMinuteOfSix'],
      is: '>=',
      bound: 1,
    },
  ];
}
