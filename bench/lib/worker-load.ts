import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Cgroup } from '../../scripts/lib/cgroup.ts';
import { startChild } from '../../scripts/lib/child.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { loadConfig } from '../../src/config.ts';
import { recordIntents } from '../../src/database/object-intents.ts';
import type { Sql } from '../../src/database/open.ts';
import { insertUser } from '../../src/database/users.ts';
import { insertUploadedVideo } from '../../src/database/videos.ts';
import { newUploadKey } from '../../src/objects/keys.ts';
import { type ObjectStore, openObjectStore } from '../../src/objects/store.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { sampleMemory } from './tree-memory.ts';

export type WorkerLoad = ReturnType<typeof openWorkerLoad>;

interface JobRecord {
  readonly msg: string;
  readonly cpuSeconds: number;
  readonly seconds: Readonly<Record<string, number>>;
}

/** As many videos as may run at once, so that every thread has run before the burst. */
const warmUps = availableParallelism();

export interface WorkerLoadDeps {
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly sql: Sql;
  readonly cpu: Cgroup;
  /** The CPU seconds of an FFmpeg that its own report does not include. */
  readonly launchSeconds: number;
  /** Processed first by every worker, so that its program is loaded before the burst. */
  readonly shortClip: string;
}

/** Runs bursts of videos, each on a new process of the built worker, and returns what each burst cost. */
export function openWorkerLoad({ folder, settings, sql, cpu, launchSeconds, shortClip }: WorkerLoadDeps) {
  const values = { ...settings, SECRET_KEY: 'bench', DATA_DIR: join(folder, 'worker'), AWS_REGION: 'us-east-1' };
  const config = loadConfig(values);
  const objects = openObjectStore(config.s3);
  const producer = videoQueue.openProducer(config.redisUrl);
  let runs = 0;

  async function putAll(clip: string, count: number): Promise<string[]> {
    const keys = Array.from({ length: count }, newUploadKey);
    await recordIntents(sql, keys);
    for (const key of keys) await objects.putFile(key, clip, 'video/mp4', AbortSignal.timeout(60_000));
    return keys;
  }

  async function queueAll(keys: readonly string[], clip: string): Promise<void> {
    const userId = await addPlayer(sql);
    const sizeBytes = statSync(clip).size;
    for (const key of keys) {
      const [taskId, requestId] = [randomUUID(), randomUUID()];
      const video = { userId, title: 'Bench', key, taskId, requestId, sizeBytes };
      const row = await insertUploadedVideo(sql, video);
      if (row === undefined) throw new Error('Expected a row, got none');
      await producer.add({ videoId: String(row.id), taskId, requestId }, row.rank);
    }
  }

  async function warmUp(logPath: string): Promise<void> {
    await queueAll(await putAll(shortClip, warmUps), shortClip);
    await waitFor('the videos of the warm-up', () => readJobs(logPath, warmUps));
  }

  return {
    /** Measures from the moment at which the first video is queued for a warm, idle worker. */
    async runBurst(clip: string, count: number, env: Readonly<Record<string, string>>) {
      runs += 1;
      const logPath = join(folder, `worker-${runs}.log`);
      const keys = await putAll(clip, count);
      const worker = await startWorker(values, env, logPath);
      try {
        await warmUp(logPath);
        const memory = sampleMemory(worker.pid);
        cpu.add(worker.pid);
        const nodeBefore = await worker.readNodeSeconds();
        const [startedAt, cpuBefore] = [performance.now(), cpu.usedSeconds()];
        await queueAll(keys, clip);
        await waitUntilProcessed(sql, warmUps + count);
        const seconds = (performance.now() - startedAt) / 1000;
        // The row is updated before the job ends, removes its folder and writes its log record.
        const records = await waitFor(`${count} log records of jobs`, () =>
          readJobs(logPath, warmUps + count)?.slice(warmUps),
        );
        const cpuSeconds = cpu.usedSeconds() - cpuBefore;
        const nodeSeconds = (await worker.readNodeSeconds()) - nodeBefore;
        const service = records.map(serviceSeconds);
        const ffmpegSeconds = records.reduce((sum, job) => sum + job.cpuSeconds + launchSeconds, 0);
        return {
          videosPerMinute: (count * 60) / seconds,
          meanServiceSeconds: service.reduce((sum, each) => sum + each, 0) / service.length,
          p95ServiceSeconds: percentile(service, 0.95),
          meanPublishSeconds: records.reduce((sum, job) => sum + (job.seconds['publish'] ?? 0), 0) / records.length,
          cpuSecondsPerVideo: cpuSeconds / count,
          ownCpuSecondsPerVideo: (cpuSeconds - ffmpegSeconds) / count,
          // The rest of the worker's own CPU time is two probes, and the sandbox of each run.
          nodeCpuSecondsPerVideo: nodeSeconds / count,
          ownCpuPercent: (cpuSeconds / ffmpegSeconds - 1) * 100,
          peakMemoryMiB: memory.stop(),
        };
      } finally {
        await worker.stop(30_000);
        await deleteVideos(sql, objects);
      }
    },
    async close(): Promise<void> {
      await producer.close();
      objects.close();
    },
  };
}

async function startWorker(values: Record<string, string>, env: Readonly<Record<string, string>>, logPath: string) {
  const port = await freePort();
  const { PATH } = process.env;
  const child = await startChild({
    command: 'nice',
    args: ['-n', '10', process.execPath, join(rootFolder, 'dist', 'worker', 'main.js')],
    env: { PATH, ...values, ...env, WORKER_METRICS_PORT: String(port) },
    logPath,
  });
  const readMetrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  await waitFor('a response from the worker', () => {
    if (child.hasExited()) throw new Error(readFileSync(logPath, 'utf8'));
    return readMetrics();
  });
  return {
    pid: child.pid,
    stop: child.stop,
    /** Returns the CPU time of the worker's own process, without its children. */
    async readNodeSeconds(): Promise<number> {
      const [, seconds] = /^process_cpu_seconds_total (\S+)/m.exec(await readMetrics()) ?? [];
      return Number(seconds);
    },
  };
}

async function addPlayer(sql: Sql): Promise<number> {
  const email = `${randomUUID()}@example.com`;
  const names = { firstName: 'Ana', lastName: 'Ruiz', email, passwordHash: 'none', city: null, country: null };
  const user = await insertUser(sql, names);
  if (user === undefined) throw new Error('Expected a new player, got an address that is in use');
  return user.id;
}

async function waitUntilProcessed(sql: Sql, count: number): Promise<void> {
  const isDone = async () => {
    const [row] = await sql<{ done: number; failed: number }[]>`
      select count(*) filter (where status = 'processed') as done, count(*) filter (where status = 'failed') as failed
      from videos`;
    if ((row?.failed ?? 0) > 0) throw new Error('Expected every video to be processed, got a failed one');
    return row?.done === count;
  };
  await waitFor(`${count} processed videos`, isDone, { timeoutMs: 20 * 60_000, everyMs: 100 });
}

/** Returns the log records of completed jobs, or undefined while there are fewer than `count`. */
function readJobs(logPath: string, count: number): JobRecord[] | undefined {
  const lines = readFileSync(logPath, 'utf8').split('\n');
  const jobs = lines
    // The last line is empty or incomplete.
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as JobRecord)
    .filter(({ msg }) => msg === 'video processed');
  return jobs.length >= count ? jobs : undefined;
}

/** Sums the stages of a job without its wait for a CPU. */
function serviceSeconds({ seconds }: JobRecord): number {
  const stages = Object.entries(seconds).filter(([stage]) => stage !== 'cpu_wait');
  return stages.reduce((sum, [, taken]) => sum + taken, 0);
}

/** Deletes all videos with their objects, so that the next burst starts empty and the disk does not fill. */
async function deleteVideos(sql: Sql, objects: ObjectStore): Promise<void> {
  const rows = await sql<{ key: string }[]>`
    select key from videos, unnest(array[original_url, processed_url, poster_url]) as key where key is not null`;
  await sql`delete from videos`;
  for (const { key } of rows) await objects.deleteObject(key);
}
