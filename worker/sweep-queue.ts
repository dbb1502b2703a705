import type { Sql } from '../src/database/open.ts';
import { listVideosWaiting, type RankedVideo } from '../src/database/video-jobs.ts';
import type { QueuedJob } from '../src/queue/producer.ts';
import type { VideoProducer } from '../src/queue/video-queue.ts';
import { ranksPerSweepMax, sweepPageRows } from './limits.ts';
import type { Report } from './sweep-report.ts';

export interface QueueSweepDeps {
  readonly sql: Sql;
  readonly producer: VideoProducer;
}

/**
 * Compares the queue with the rows, which are the truth. Queues a job for each waiting row without one, removes jobs that no row
 * needs, and updates the ranks of jobs.
 */
export async function sweepQueue({ sql, producer }: QueueSweepDeps, dryRun: boolean, report: Report): Promise<void> {
  // Jobs are read first: a row exists before its job, so a job without a row in the later read has none.
  const jobs = new Map((await producer.listJobs()).map((job) => [job.id, job]));
  const videos = await listAll(sql);
  const needed = new Set(videos.map((video) => video.task_id));

  await queueMissing(producer, jobs, videos, dryRun, report);
  for (const job of jobs.values()) {
    if (needed.has(job.id) || job.state === 'active') continue;
    if (dryRun || (await producer.remove(job.id))) report('job_without_row', job.id);
  }
  if (!dryRun) await updateRanks(producer, jobs, videos);
}

async function listAll(sql: Sql): Promise<RankedVideo[]> {
  const videos: RankedVideo[] = [];
  for (let afterId = 0; ; ) {
    const page = await listVideosWaiting(sql, { limit: sweepPageRows, afterId });
    videos.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < sweepPageRows) return videos;
    afterId = last.id;
  }
}

async function queueMissing(
  producer: VideoProducer,
  jobs: ReadonlyMap<string, QueuedJob>,
  videos: readonly RankedVideo[],
  dryRun: boolean,
  report: Report,
): Promise<void> {
  const missing = videos.filter((video) => !jobs.has(video.task_id));
  if (missing.length === 0) return;
  // The upload's process may have queued the job between the two reads, so the queue is read again.
  const queuedSince = new Set((await producer.listJobs()).map((job) => job.id));
  for (const video of missing) {
    if (queuedSince.has(video.task_id)) continue;
    const job = { videoId: String(video.id), taskId: video.task_id, requestId: video.request_id };
    if (!dryRun) await producer.add(job, video.rank);
    report('row_without_job', video.task_id);
  }
}

async function updateRanks(
  producer: VideoProducer,
  jobs: ReadonlyMap<string, QueuedJob>,
  videos: readonly RankedVideo[],
): Promise<void> {
  const moved = videos.filter((video) => {
    const job = jobs.get(video.task_id);
    return job?.state === 'waiting' && job.rank !== video.rank;
  });
  for (const video of moved.slice(0, ranksPerSweepMax)) await producer.changeRank(video.task_id, video.rank);
}
