import { claimVideoForWork, failVideo, requeueVideo, type WorkClaim } from '../src/database/video-jobs.ts';
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
 * Runs one job: claims the row and sets it to `processed` or `failed`, or leaves it alone when the attempt is stale or the video is
 * deleted. Rejects when the job is to be retried. By then the row is requeued, and nothing of the attempt is left: no process, no
 * file, no object.
 */
export async function processVideo(deps: WorkerDeps, job: VideoJob, signal: AbortSignal): Promise<void> {
  const id = Number(job.videoId);
  const claim = await claimVideoForWork(deps.sql, id);
  const log = deps.log.child({ requestId: claim?.request_id ?? job.requestId, videoId: id, attempt: claim?.attempt });
  if (claim === undefined) {
    deps.metrics.jobs.inc({ outcome: 'nothing_to_do' });
    log.info('nothing to do: the video is processed, failed or deleted');
    return;
  }
  if (claim.attempt === 1) deps.metrics.waitSeconds.observe(secondsSince(claim.uploaded_at));
  const cost = openCost();
  if (claim.crashes >= jobCrashesMax) {
    await fail(deps, log, claim, cost, explainShortage(undefined));
    return;
  }
  try {
    await deps.scratch.use((folder) => runPipeline(deps, claim, folder, signal, cost));
    deps.metrics.jobs.inc({ outcome: 'processed' });
    deps.metrics.timeToPlayableSeconds.observe(secondsSince(claim.uploaded_at));
    log.info(cost, 'video processed');
  } catch (error) {
    await concludeFailure(deps, log, claim, cost, error);
  }
}

async function concludeFailure(
  deps: WorkerDeps,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  error: unknown,
): Promise<void> {
  if (error instanceof InvalidVideoError) return fail(deps, log, claim, cost, error.message, error.toolOutput);
  if (error instanceof StaleAttemptError) {
    deps.metrics.jobs.inc({ outcome: 'stale' });
    log.info(cost, staleAttempt);
    return;
  }
  const shortage = findShortageOf(error);
  const crashed = error instanceof ProcessCrashedError || shortage !== undefined;
  if (crashed && claim.crashes + 1 >= jobCrashesMax) {
    return fail(deps, log, claim, cost, explainShortage(shortage), messageOf(error));
  }
  deps.metrics.jobs.inc({ outcome: crashed ? 'crashed' : 'requeued' });
  log.warn({ ...cost, err: error, crashed, shortage }, 'video requeued');
  // If this query fails too, the next claim counts the attempt as a crash.
  await requeueVideo(deps.sql, { ...claim, crashed });
  throw shortage === undefined ? error : new RetryLater(messageOf(error), jobShortageRetryMs);
}

/** Returns what the machine lacked, by the tool's output or a failed system call: the disk may be full before a tool runs. */
function findShortageOf(error: unknown): Shortage | undefined {
  if (error instanceof ProcessCrashedError) return error.shortage;
  return shortageByCode.get((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Sets the video to `failed`. The player reads `reason`; `toolOutput` is logged. */
async function fail(
  deps: WorkerDeps,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  reason: string,
  toolOutput?: string,
): Promise<void> {
  const isCurrent = await failVideo(deps.sql, { ...claim, reason });
  deps.metrics.jobs.inc({ outcome: isCurrent ? 'failed' : 'stale' });
  log.info({ ...cost, reason, toolOutput }, isCurrent ? 'video failed' : staleAttempt);
}

const staleAttempt = 'attempt is stale: the video is deleted or has a later attempt';

function secondsSince(moment: Date): number {
  return Math.max(0, (Date.now() - moment.getTime()) / 1000);
}
