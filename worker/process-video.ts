import { claimVideoForWork, failVideo, requeueVideo, type WorkClaim } from '../src/database/video-jobs.ts';
import type { Logger } from '../src/log.ts';
import type { VideoJob } from '../src/queue/video-queue.ts';
import type { WorkerDeps } from './deps.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { crashesMax, findFailure, findShortageOf } from './retry-policy.ts';
import { type JobCost, openCost, runPipeline } from './run-pipeline.ts';
import { explainShortage } from './tool-shortage.ts';

/**
 * Runs one job: claims the row and sets it to `processed` or `failed`, or leaves it alone when the attempt is stale or the video is
 * deleted. Rejects when the job is to be retried by the policy of retry-policy.ts. By then the row is requeued, and nothing of the
 * attempt is left: no process, no file, no object.
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
  if (claim.crashes >= crashesMax) {
    await fail(deps, log, claim, cost, explainShortage(undefined));
    return;
  }
  try {
    await deps.scratch.use((folder) => runPipeline(deps, claim, folder, signal, cost));
    deps.metrics.jobs.inc({ outcome: 'processed' });
    deps.metrics.timeToPlayableSeconds.observe(secondsSince(claim.uploaded_at));
    log.info(cost, 'video processed');
  } catch (error) {
    await handleFailure(deps, log, claim, cost, error);
  }
}

async function handleFailure(
  deps: WorkerDeps,
  log: Logger,
  claim: WorkClaim,
  cost: JobCost,
  error: unknown,
): Promise<void> {
  if (error instanceof InvalidVideoError) return fail(deps, log, claim, cost, error.message, error.toolOutput);
  const { failure, isCrash } = findFailure(error);
  if (failure === 'stale_attempt') {
    deps.metrics.jobs.inc({ outcome: 'stale' });
    log.info(cost, staleAttempt);
    return;
  }
  const shortage = findShortageOf(error);
  if (isCrash && claim.crashes + 1 >= crashesMax) {
    return fail(deps, log, claim, cost, explainShortage(shortage), messageOf(error));
  }
  deps.metrics.jobs.inc({ outcome: isCrash ? 'crashed' : 'requeued' });
  log.warn({ ...cost, err: error, crashed: isCrash, shortage }, 'video requeued');
  // If this query fails too, the next claim counts the attempt as a crash.
  await requeueVideo(deps.sql, { ...claim, crashed: isCrash });
  throw error;
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
