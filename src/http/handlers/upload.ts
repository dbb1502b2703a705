import { beginVideoUpload, tooLargeFile } from '../../actions/upload-video.ts';
import type { UserLimits } from '../../database/quota.ts';
import { AppError, type FieldError, ValidationError } from '../../errors.ts';
import {
  multipartBoundaryMaxBytes,
  refusedBodyDrainMaxBytes,
  unavailableRetryAfterSeconds,
  uploadAdmissionWaitMs,
  uploadBodyMaxBytes,
  uploadDeadlineMs,
  uploadStallMs,
  videoFileMaxBytes,
  waitingVideosPerUserMax,
} from '../../limits.ts';
import { boundaryOf, isFormData } from '../../multipart/content-type.ts';
import type { AppContext } from '../app-context.ts';
import { authenticate } from '../auth.ts';
import { type BodyStream, openBodyStream } from '../body.ts';
import { enforceRateLimit, isRateLimited } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import { missingField } from '../schemas/upload-form.ts';
import { openUploadForm, type UploadForm } from '../upload-form.ts';

export interface UploadHeaders {
  readonly authorization: string;
  readonly contentType: string;
}

/**
 * Refused by its headers, admitted, received, finished; each step may throw, and then what has begun is undone, the answer
 * goes out, and a bounded rest of the body is dropped behind it. Must be called inside the route's own handler.
 */
export function receiveUpload(context: RequestContext, headers: UploadHeaders, service: AppContext): Promise<Reply> {
  const uploadAbort = new AbortController();
  const body = openBodyStream(context, service.heldBytes, () => uploadAbort.abort(tooFast()));
  const deadline = setTimeout(() => uploadAbort.abort(tooSlow()), uploadDeadlineMs);
  signalOf(context).addEventListener('abort', () => {
    // After the last byte the client's leaving no longer counts.
    if (!body.hasEnded()) uploadAbort.abort(new AppError('bad_request', 'The client went away'));
  });
  const { cutOff } = service.lifecycle;
  const onCutOff = () => uploadAbort.abort(stopping());
  cutOff.signal.addEventListener('abort', onCutOff);
  service.lifecycle.uploads += 1;
  service.metrics.uploadsInFlight.inc();
  return runUpload(context, headers, service, body, uploadAbort)
    .catch((error: unknown) => {
      if (!body.hasEnded()) respondEarly(context, body, service);
      throw error;
    })
    .finally(() => {
      body.stop();
      clearTimeout(deadline);
      cutOff.signal.removeEventListener('abort', onCutOff);
      service.lifecycle.uploads -= 1;
      service.metrics.uploadsInFlight.dec();
      service.metrics.uploadBytes.inc(context.bytesIn);
    });
}

/** The connection is kept only where the rest is little enough to be waited for. */
function respondEarly(context: RequestContext, body: BodyStream, { metrics }: AppContext): void {
  const { bytesIn, headers } = context;
  if ((headers.contentLength ?? Number.POSITIVE_INFINITY) - bytesIn > refusedBodyDrainMaxBytes)
    context.closesConnection = true;
  context.drainRequestBody = () => body.drop().finally(() => metrics.uploadBytes.inc(context.bytesIn - bytesIn));
}

async function runUpload(
  context: RequestContext,
  headers: UploadHeaders,
  service: AppContext,
  body: BodyStream,
  uploadAbort: AbortController,
): Promise<Reply> {
  if (service.lifecycle.isDraining) throw stopping();
  const userId = await authenticate(headers.authorization, service);
  await enforceRateLimit(context, service, 'upload-user', userId);
  const boundary = boundaryOf(headers.contentType);
  if (boundary === undefined) throw new ValidationError(boundaryErrors(headers.contentType));
  const { contentLength } = context.headers;
  if (contentLength !== undefined && contentLength > uploadBodyMaxBytes) throw tooLargeFile(contentLength);
  const { signal } = uploadAbort;
  const form = openUploadForm({
    boundary,
    buffer: await acquireUploadBuffer(service, signal),
    releaseBuffer: service.buffers.release,
    beginVideo: (contentType, buffer) =>
      beginVideoUpload(service, {
        userId,
        requestId: context.requestId,
        contentType,
        buffer,
        signal,
        announcedBytes: Math.max(0, (contentLength ?? 0) - otherPartsMaxBytes),
        limits: userLimits(context, service),
      }),
  });
  try {
    await receive(context, body, form, uploadAbort);
    const { video, title } = form.end();
    const { videoId, taskId } = await video.finish(title);
    await form.settle();
    return {
      status: 201,
      body: { message: 'Video subido exitosamente. Tarea creada.', task_id: taskId, video_id: videoId },
    };
  } catch (error) {
    body.stop();
    await form.undo();
    throw error;
  }
}

const otherPartsMaxBytes = uploadBodyMaxBytes - videoFileMaxBytes;

/** How many videos may wait is a rate limit: it holds where those do. The quota holds everywhere. */
function userLimits(context: RequestContext, service: AppContext): UserLimits {
  return {
    quotaBytes: service.config.userQuotaBytes,
    waitingMax: isRateLimited(context, service) ? waitingVideosPerUserMax : Number.MAX_SAFE_INTEGER,
  };
}

/** Form data without a usable boundary may hold both fields, so that neither is reported as missing. */
function boundaryErrors(contentType: string): FieldError[] {
  if (!isFormData(contentType)) return [missingField('video_file'), missingField('title')];
  const msg = `Expected a boundary of 1 to ${multipartBoundaryMaxBytes} printable ASCII characters in Content-Type`;
  return [{ type: 'value_error', loc: ['body'], msg }];
}

/** A buffer, or 503: nothing of the body has been read by then, but what came along with the headers. */
async function acquireUploadBuffer({ buffers }: AppContext, signal: AbortSignal): Promise<Buffer> {
  const admissionTimeout = new AbortController();
  const timer = setTimeout(
    () => admissionTimeout.abort(busy('Too many uploads at once, try again')),
    uploadAdmissionWaitMs,
  );
  try {
    return await buffers.acquire(AbortSignal.any([signal, admissionTimeout.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the last chunk has been taken in. The socket is paused while a full part waits for its turn. */
function receive(
  context: RequestContext,
  body: BodyStream,
  form: UploadForm,
  uploadAbort: AbortController,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stall = setTimeout(() => (body.isPaused() ? stall.refresh() : uploadAbort.abort(tooSlow())), uploadStallMs);
    const fail = (error: unknown) => {
      clearTimeout(stall);
      reject(error);
    };
    uploadAbort.signal.addEventListener('abort', () => fail(uploadAbort.signal.reason), { once: true });
    if (uploadAbort.signal.aborted) return fail(uploadAbort.signal.reason);

    body.start((chunk, isLast) => {
      stall.refresh();
      try {
        if (context.bytesIn > uploadBodyMaxBytes) throw tooLargeFile(context.bytesIn);
        form.write(chunk);
      } catch (error) {
        body.stop();
        return fail(error);
      }
      if (isLast) {
        clearTimeout(stall);
        resolve();
      } else if (form.isFull() && !body.isPaused()) {
        body.pause();
        form.flush().then(body.resume, fail);
      }
    });
  });
}

function busy(message: string): AppError {
  return new AppError('unavailable', message, { retryAfterSeconds: unavailableRetryAfterSeconds });
}

function stopping(): AppError {
  return busy('The service is about to stop, try again');
}

/** The client may try again at once: it is not told to send more slowly. */
function tooFast(): AppError {
  return busy('The upload arrived faster than it could be stored, try again');
}

function tooSlow(): AppError {
  return new AppError('bad_request', 'The upload did not arrive in time', { closesConnection: true });
}
