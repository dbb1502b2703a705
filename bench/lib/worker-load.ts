import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../../scripts/lib/child.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { loadWorkerConfig } from '../../src/config.ts';
import { recordIntents } from '../../src/database/object-intents.ts';
import type { Sql } from '../../src/database/open.ts';
import { insertUser } from '../../src/database/users.ts';
import { insertUploadedVideo } from '../../src/database/videos.ts';
import { newUploadKey } from '../../src/objects/keys.ts';
import { type ObjectStore, openObjectStore } from '../../src/objects/store.ts';
import { openProducer } from '../../src/queue/producer.ts';
import type { CpuGroup } from './cpu-group.ts';
import { sampleMemory } from './tree-memory.ts';

export type WorkerLoad = ReturnType<typeof openWorkerLoad>;

interface JobLine {
  readonly msg: string;
  readonly cpuSeconds: number;
  readonly seconds: Readonly<Record<string, number>>;
}

/** As many as may run at once, so that every thread has been at work. */
const warmUps = availableParallelism();

export interface WorkerLoadDeps {
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly sql: Sql;
  readonly cpu: CpuGroup;
  /** What an FFmpeg costs beyond what it tells. */
  readonly launchSeconds: number;
  /** Played first to every worker: one that has been up for a while has its program loaded. */
  readonly shortClip: string;
}

/** Plays bursts of videos to a worker of its own each, as it was built, and reads what each cost. */
export function openWorkerLoad({ folder, settings, sql, cpu, launchSeconds, shortClip }: WorkerLoadDeps) {
  const values = { ...settings, DATA_DIR: join(folder, 'worker'), AWS_REGION: 'us-east-1' };
  const config = loadWorkerConfig(values);
  const objects = openObjectStore(config.s3);
  const producer = openProducer(config.redisUrl);
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
    await waitFor('the short videos', () => readJobs(logPath, warmUps));
  }

  return {
    /** Measured from the moment when the first is put in line of a worker that is up, has done a few, and is idle. */
    async playBurst(clip: string, count: number, env: Readonly<Record<string, string>>) {
      runs += 1;
      const logPath = join(folder, `worker-${runs}.log`);
      const keys = await putAll(clip, count);
      const worker = await startWorker(values, env, logPath);
      try {
        await warmUp(logPath);
        const memory = sampleMemory(worker.pid);
        cpu.add(worker.pid);
        const nodeBefore = await worker.readNodeSeconds();
        const [startedAt, cpuBefore] = [performance.now(), cpu.readSeconds()];
        await queueAll(keys, clip);
        await untilProcessed(sql, warmUps + count);
        const seconds = (performance.now() - startedAt) / 1000;
        // The row is done before the job is: its folder goes and its line comes after.
        const lines = await waitFor(`${count} lines of jobs`, () => readJobs(logPath, warmUps + count)?.slice(warmUps));
        const cpuSeconds = cpu.readSeconds() - cpuBefore;
        const nodeSeconds = (await worker.readNodeSeconds()) - nodeBefore;
        const service = lines.map(serviceSeconds);
        const ffmpegSeconds = lines.reduce((sum, line) => sum + line.cpuSeconds + launchSeconds, 0);
        return {
          videosPerMinute: (count * 60) / seconds,
          meanServiceSeconds: service.reduce((sum, each) => sum + each, 0) / service.length,
          p95ServiceSeconds: percentile(service, 0.95),
          meanPublishSeconds: lines.reduce((sum, line) => sum + (line.seconds['publish'] ?? 0), 0) / lines.length,
          cpuSecondsPerVideo: cpuSeconds / count,
          ownCpuSecondsPerVideo: (cpuSeconds - ffmpegSeconds) / count,
          // The rest of its own is two probes, and the sandbox of each run.
          nodeCpuSecondsPerVideo: nodeSeconds / count,
          ownCpuPercent: (cpuSeconds / ffmpegSeconds - 1) * 100,
          peakMemoryMiB: memory.stop(),
        };
      } finally {
        await worker.stop(30_000);
        await forget(sql, objects);
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
  await waitFor('the worker to answer', () => {
    if (child.hasExited()) throw new Error(readFileSync(logPath, 'utf8'));
    return readMetrics();
  });
  return {
    pid: child.pid,
    stop: child.stop,
    /** CPU time of the worker's own process, without what it started. */
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
  if (user === undefined) throw new Error('Expected a new player, got a taken address');
  return user.id;
}

async function untilProcessed(sql: Sql, count: number): Promise<void> {
  const isDone = async () => {
    const [row] = await sql<{ done: number; failed: number }[]>`
      select count(*) filter (where status = 'processed') as done, count(*) filter (where status = 'failed') as failed
      from videos`;
    if ((row?.failed ?? 0) > 0) throw new Error('Expected every video to be processed, got a failed one');
    return row?.done === count;
  };
  await waitFor(`${count} processed videos`, isDone, { timeoutMs: 20 * 60_000, everyMs: 100 });
}

/** Undefined until there are as many as there were jobs. */
function readJobs(logPath: string, count: number): JobLine[] | undefined {
  const lines = readFileSync(logPath, 'utf8').split('\n');
  const jobs = lines
    // The last is still being written, or empty.
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as JobLine)
    .filter(({ msg }) => msg === 'video processed');
  return jobs.length >= count ? jobs : undefined;
}

/** Without the wait for a turn at FFmpeg. */
function serviceSeconds({ seconds }: JobLine): number {
  return Object.entries(seconds).reduce((sum, [stage, taken]) => sum + (stage === 'turn' ? 0 : taken), 0);
}

/** So that the next burst begins with nothing, and the disk does not fill. */
async function forget(sql: Sql, objects: ObjectStore): Promise<void> {
  const rows = await sql<{ key: string }[]>`
    select key from videos, unnest(array[original_url, processed_url, poster_url]) as key where key is not null`;
  await sql`delete from videos`;
  for (const { key } of rows) await objects.deleteObject(key);
}
