import { beginVideoUpload, tooLargeFile } from '../../actions/upload-video.ts';
import type { UserLimits } from '../../database/quota.ts';
import { AppError, type FieldError, ValidationError } from '../../errors.ts';
import {
  multipartBoundaryMaxBytes,
  refusedBodyDrainMaxBytes,
  uploadAdmissionWaitMs,
  uploadBodyMaxBytes,
  uploadDeadlineMs,
  uploadStallMs,
  videoFileMaxBytes,
  waitingVideosPerUserMax,
} from '../../limits.ts';
import { boundaryOf, isFormData } from '../../multipart/content-type.ts';
import type { AppContext } from '../app-context.ts';
import { type BodyStream, openBodyStream } from '../body.ts';
import { isRateLimited } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import type { StreamRequest } from '../route.ts';
import { missingField } from '../schemas/upload-form.ts';
import { openUploadForm, type UploadForm } from '../upload-form.ts';

/**
 * Refused by its headers, admitted, received, finished; each step may throw, and then what has begun is undone, the answer
 * goes out, and a bounded rest of the body is dropped behind it. Must be called inside the route's own handler.
 */
export function receiveUpload({ context, header, admit }: StreamRequest, service: AppContext): Promise<Reply> {
  const contentType = header('content-type');
  const uploadAbort = new AbortController();
  const body = openBodyStream(context, service.heldBytes, () => uploadAbort.abort(tooFast()));
  const deadline = setTimeout(() => uploadAbort.abort(tooSlow()), uploadDeadlineMs);
  signalOf(context).addEventListener('abort', () => {
    // After the last byte the client's leaving no longer counts.
    if (!body.hasEnded()) uploadAbort.abort(new Error('The client left'));
  });
  const { cutOff } = service.lifecycle;
  const onCutOff = () => uploadAbort.abort(stopping());
  cutOff.signal.addEventListener('abort', onCutOff);
  service.lifecycle.uploads += 1;
  service.metrics.uploadsInFlight.inc();
  return runUpload(context, { admit, contentType }, service, body, uploadAbort)
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
  { admit, contentType }: { admit: StreamRequest['admit']; contentType: string },
  service: AppContext,
  body: BodyStream,
  uploadAbort: AbortController,
): Promise<Reply> {
  if (service.lifecycle.isDraining) throw stopping();
  const { userId } = await admit();
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) throw new ValidationError(boundaryErrors(contentType));
  const { contentLength } = context.headers;
  if (contentLength !== undefined && contentLength > uploadBodyMaxBytes) throw tooLargeFile(contentLength);
  const { signal } = uploadAbort;
  const form = openUploadForm({
    boundary,
    buffer: await acquireUploadBuffer(service, signal),
    releaseBuffer: service.buffers.release,
    beginVideo: (videoType, buffer) =>
      beginVideoUpload(service, {
        userId,
        requestId: context.requestId,
        contentType: videoType,
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

/** Form data without a usable boundary may hold both fields, so that neither is reported as missing. */
function boundaryErrors(contentType: string): FieldError[] {
  if (!isFormData(contentType)) return [missingField('video_file'), missingField('title')];
  const msg = `Expected a boundary of 1 to ${multipartBoundaryMaxBytes} printable ASCII characters in Content-Type`;
  return [{ type: 'value_error', loc: ['body'], msg }];
}

const otherPartsMaxBytes = uploadBodyMaxBytes - videoFileMaxBytes;

/** How many videos may wait is a rate limit: it holds where those do. The quota holds everywhere. */
function userLimits(context: RequestContext, service: AppContext): UserLimits {
  return {
    quotaBytes: service.config.userQuotaBytes,
    waitingMax: isRateLimited(context, service) ? waitingVideosPerUserMax : Number.MAX_SAFE_INTEGER,
  };
}

/** A buffer, or 503: nothing of the body has been read by then, but what came along with the headers. */
async function acquireUploadBuffer({ buffers }: AppContext, signal: AbortSignal): Promise<Buffer> {
  const admissionTimeout = new AbortController();
  const timer = setTimeout(() => admissionTimeout.abort(new AppError('too_many_uploads')), uploadAdmissionWaitMs);
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

function stopping(): AppError {
  return new AppError('shutting_down');
}

/** The client may try again at once: it is not told to send more slowly. */
function tooFast(): AppError {
  return new AppError('upload_too_fast');
}

function tooSlow(): AppError {
  return new AppError('upload_timeout', { closesConnection: true });
}
