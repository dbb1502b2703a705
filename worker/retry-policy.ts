import type { QueuePolicy } from '../src/queue/consumer.ts';
import { ProcessCrashedError } from './ffmpeg.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { jobCrashesMax, jobRetryBaseMs, jobRetryMaxMs, jobShortageRetryMs } from './limits.ts';
import { StaleAttemptError } from './publish.ts';
import { type Shortage, shortageByCode } from './tool-shortage.ts';

/** Describes how an attempt that produced no rendition is handled. */
interface FailureRow {
  readonly failure: 'invalid_video' | 'stale_attempt' | 'shortage' | 'crash' | 'other';
  readonly matches: (error: unknown) => boolean;
  /** Whether the job ends. Otherwise the video is requeued and its job is retried. */
  readonly isFinal: boolean;
  /** Whether the attempt counts as a crash. A video with `crashesMax` of them is set to `failed`. */
  readonly isCrash: boolean;
  /** The minimum pause before the retry, beside the back-off. */
  readonly pauseMinMs: number;
}

/**
 * The retry policy of a video: the first row that matches the error of an attempt decides.
 *
 *   invalid_video  the file is invalid: the video is set to `failed`
 *   stale_attempt  the video is deleted or has a later attempt: nothing is changed
 *   shortage       the machine lacked memory, disk or processes: retried after a longer pause
 *   crash          FFmpeg or its thread was killed, or ran out of time: retried
 *   other          S3, PostgreSQL or Redis failed, or the worker stops: retried without limit, since no video may be lost by it
 *
 * A worker that dies reports nothing: its job is restarted when the lock expires, and the next claim counts a crash. A job of a
 * stopping worker is requeued without a pause. A `failed` video is retried by `npm run retry -- VIDEO_ID`.
 */
const failureRows: readonly FailureRow[] = [
  row('invalid_video', (error) => error instanceof InvalidVideoError, { isFinal: true }),
  row('stale_attempt', (error) => error instanceof StaleAttemptError, { isFinal: true }),
  row('shortage', (error) => findShortageOf(error) !== undefined, { isCrash: true, pauseMinMs: jobShortageRetryMs }),
  row('crash', (error) => error instanceof ProcessCrashedError, { isCrash: true }),
  row('other', () => true, {}),
];

function row(
  failure: FailureRow['failure'],
  matches: FailureRow['matches'],
  rest: Partial<Pick<FailureRow, 'isFinal' | 'isCrash' | 'pauseMinMs'>>,
): FailureRow {
  return { failure, matches, isFinal: false, isCrash: false, pauseMinMs: 0, ...rest };
}

/** The number of crashes after which a video is set to `failed`. */
export const crashesMax = jobCrashesMax;

/** The job's part of the policy. The number of attempts has no limit: crashes are counted in the row, which outlives Redis. */
export const videoQueuePolicy: QueuePolicy = {
  attemptsMax: Number.POSITIVE_INFINITY,
  backoff: { baseMs: jobRetryBaseMs, maxMs: jobRetryMaxMs },
  pauseMinMs: (error) => findFailure(error).pauseMinMs,
  isFinal: (error) => findFailure(error).isFinal,
};

/** Returns the row of the policy that matches an error. */
export function findFailure(error: unknown): FailureRow {
  return failureRows.find(({ matches }) => matches(error)) as FailureRow;
}

/** Returns what the machine lacked, by the tool's output or a failed system call: the disk may be full before a tool runs. */
export function findShortageOf(error: unknown): Shortage | undefined {
  if (error instanceof ProcessCrashedError) return error.shortage;
  return shortageByCode.get((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}
