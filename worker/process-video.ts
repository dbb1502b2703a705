import { claimVideoForWork, failVideo, returnVideoToQueue, type WorkClaim } from '../src/database/video-jobs.ts';
import { jobCrashesMax } from '../src/limits.ts';
import type { Logger } from '../src/log.ts';
import type { VideoJob } from '../src/queue/job.ts';
import { editVideo, type JobCost, openCost } from './edit-video.ts';
import { ToolCrashed } from './ffmpeg.ts';
import type { WorkerParts } from './parts.ts';
import { AttemptLost } from './publish.ts';
import { VideoRefused } from './video-refused.ts';

/**
 * One job, from claiming the row to a verdict in it: `processed`, `failed`, or nothing (the attempt was lost to a later
 * one, or the video is gone). Rejects when there is no verdict and the job has to come again; by then the row says
 * `waiting`, and nothing of the attempt is left: no process, no file, no object.
 */
export async function processVideo(parts: WorkerParts, job: VideoJob, signal: AbortSignal): Promise<void> {
  const id = Number(job.videoId);
  const claim = await claimVideoForWork(parts.sql, id);
  const log = parts.log.child({ requestId: claim?.request_id ?? job.requestId, videoId: id, attempt: claim?.attempt });
  if (claim === undefined) {
    parts.metrics.jobs.inc({ outcome: 'nothing_to_do' });
    log.info('nothing to do: the video is done, given up or gone');
    return;
  }
  if (claim.attempt === 1) parts.metrics.waitSeconds.observe(secondsSince(claim.uploaded_at));
  const cost = openCost();
  if (claim.crashes >= jobCrashesMax) {
    await fail(parts, log, claim, cost, 'The video could not be processed: every attempt at it was cut short.');
    return;
  }
  try {
    await parts.scratch.use((folder) => editVideo(parts, claim, folder, signal, cost));
    parts.metrics.jobs.inc({ outcome: 'processed' });
    parts.metrics.timeToPlayableSeconds.observe(secondsSince(claim.uploaded_at));
    log.info(cost, 'video processed');
  } catch (error) {
    await concludeFailure(parts, log, claim, cost, error);
  }
}

async function concludeFailure(
  parts: WorkerParts,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  error: unknown,
): Promise<void> {
  if (error instanceof VideoRefused) return fail(parts, log, claim, cost, error.message);
  if (error instanceof AttemptLost) {
    parts.metrics.jobs.inc({ outcome: 'lost' });
    log.info(cost, lost);
    return;
  }
  const crashed = error instanceof ToolCrashed;
  parts.metrics.jobs.inc({ outcome: crashed ? 'crashed' : 'returned' });
  log.warn({ ...cost, err: error, crashed }, 'the video goes back in line');
  // Should even this fail, the next claim takes the attempt for a crash.
  await returnVideoToQueue(parts.sql, { ...claim, crashed });
  throw error;
}

async function fail(parts: WorkerParts, log: Logger, claim: WorkClaim, cost: JobCost, reason: string): Promise<void> {
  const isOurs = await failVideo(parts.sql, { ...claim, reason });
  parts.metrics.jobs.inc({ outcome: isOurs ? 'failed' : 'lost' });
  log.info({ ...cost, reason }, isOurs ? 'video failed' : lost);
}

const lost = 'the video is gone, or a later attempt has it';

function secondsSince(moment: Date): number {
  return Math.max(0, (Date.now() - moment.getTime()) / 1000);
}
