import { claimVideoForWork, failVideo, returnVideoToQueue, type WorkClaim } from '../src/database/video-jobs.ts';
import { jobCrashesMax, jobShortageRetryMs } from '../src/limits.ts';
import type { Logger } from '../src/log.ts';
import { RetryLater } from '../src/queue/consumer.ts';
import type { VideoJob } from '../src/queue/job.ts';
import type { WorkerDeps } from './deps.ts';
import { ProcessCrashedError } from './ffmpeg.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { StaleAttemptError } from './publish.ts';
import { type JobCost, openCost, runPipeline } from './run-pipeline.ts';
import { explainShortage, type Shortage, shortageByCode } from './tool-shortage.ts';

/**
 * One job, from claiming the row to a verdict in it: `processed`, `failed`, or nothing (the attempt was lost to a later
 * one, or the video is gone). Rejects when there is no verdict and the job has to come again; by then the row says
 * `waiting`, and nothing of the attempt is left: no process, no file, no object.
 */
export async function processVideo(parts: WorkerDeps, job: VideoJob, signal: AbortSignal): Promise<void> {
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
    await fail(parts, log, claim, cost, explainShortage(undefined));
    return;
  }
  try {
    await parts.scratch.use((folder) => runPipeline(parts, claim, folder, signal, cost));
    parts.metrics.jobs.inc({ outcome: 'processed' });
    parts.metrics.timeToPlayableSeconds.observe(secondsSince(claim.uploaded_at));
    log.info(cost, 'video processed');
  } catch (error) {
    await concludeFailure(parts, log, claim, cost, error);
  }
}

async function concludeFailure(
  parts: WorkerDeps,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  error: unknown,
): Promise<void> {
  if (error instanceof InvalidVideoError) return fail(parts, log, claim, cost, error.message, error.lastWords);
  if (error instanceof StaleAttemptError) {
    parts.metrics.jobs.inc({ outcome: 'lost' });
    log.info(cost, lost);
    return;
  }
  const shortage = findShortageOf(error);
  const crashed = error instanceof ProcessCrashedError || shortage !== undefined;
  if (crashed && claim.crashes + 1 >= jobCrashesMax) {
    return fail(parts, log, claim, cost, explainShortage(shortage), messageOf(error));
  }
  parts.metrics.jobs.inc({ outcome: crashed ? 'crashed' : 'returned' });
  log.warn({ ...cost, err: error, crashed, shortage }, 'video requeued');
  // Should even this fail, the next claim takes the attempt for a crash.
  await returnVideoToQueue(parts.sql, { ...claim, crashed });
  throw shortage === undefined ? error : new RetryLater(messageOf(error), jobShortageRetryMs);
}

/** What the machine lacked, as the tool or a failed system call of the worker says (the disk may be full before a tool runs). */
function findShortageOf(error: unknown): Shortage | undefined {
  if (error instanceof ProcessCrashedError) return error.shortage;
  return shortageByCode.get((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `reason` is for the player, `lastWords`, of FFmpeg, for the log. */
async function fail(
  parts: WorkerDeps,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  reason: string,
  lastWords?: string,
): Promise<void> {
  const isOurs = await failVideo(parts.sql, { ...claim, reason });
  parts.metrics.jobs.inc({ outcome: isOurs ? 'failed' : 'lost' });
  log.info({ ...cost, reason, lastWords }, isOurs ? 'video failed' : lost);
}

const lost = 'the video is gone, or a later attempt has it';

function secondsSince(moment: Date): number {
  return Math.max(0, (Date.now() - moment.getTime()) / 1000);
}
