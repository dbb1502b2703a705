import { beginVideoUpload, tooLargeFile } from '../../actions/upload-video.ts';
import { AppError, type FieldError, ValidationError } from '../../errors.ts';
import {
  multipartBoundaryMaxBytes,
  refusedBodyDrainMaxBytes,
  slowUploadRetryAfterSeconds,
  unavailableRetryAfterSeconds,
  uploadAdmissionWaitMs,
  uploadBodyMaxBytes,
  uploadDeadlineMs,
  uploadFloorBytes,
  uploadFloorWindowMs,
} from '../../limits.ts';
import { boundaryOf, isFormData } from '../../multipart/content-type.ts';
import type { PartBuffer } from '../../objects/part-buffer.ts';
import type { AppContext } from '../app-context.ts';
import { authenticate } from '../auth.ts';
import { type BodyStream, drainBody, openBodyStream, renewIdleTimeout } from '../body.ts';
import { enforceRateLimit, isLimited } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import { missingField } from '../schemas/upload-form.ts';
import { openUploadForm, type UploadForm } from '../upload-form.ts';
import { watchUpload } from '../upload-watch.ts';

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
  context.drainRequestBody = () =>
    drainBody(context, body).finally(() => metrics.uploadBytes.inc(context.bytesIn - bytesIn));
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
  const run = () => storeForm(context, { userId, boundary }, service, body, uploadAbort);
  if (!isLimited(context, service)) return run();
  service.uploadsPerUser.begin(userId);
  return run().finally(() => service.uploadsPerUser.end(userId));
}

async function storeForm(
  context: RequestContext,
  { userId, boundary }: { userId: number; boundary: string },
  service: AppContext,
  body: BodyStream,
  uploadAbort: AbortController,
): Promise<Reply> {
  const { signal } = uploadAbort;
  const buffer = await acquireUploadBuffer(service, uploadAbort);
  const form = openUploadForm({
    boundary,
    buffer,
    beginVideo: (contentType) =>
      beginVideoUpload(service, { userId, requestId: context.requestId, contentType, buffer, signal }),
  });
  try {
    await receive(context, body, form, buffer, uploadAbort);
    buffer.endBody();
    const { video, title } = form.end();
    const { videoId, taskId } = await video.finish(title);
    await form.settle();
    return {
      status: 201,
      body: { message: 'Video subido exitosamente. Tarea creada.', task_id: taskId, video_id: videoId },
    };
  } catch (error) {
    body.stop();
    // Ends whatever waits for pages, so that none are given to a closed buffer.
    uploadAbort.abort(error);
    const undone = form.undo();
    buffer.close();
    await undone;
    throw error;
  } finally {
    buffer.close();
  }
}

/** Form data without a usable boundary may hold both fields, so that neither is reported as missing. */
function boundaryErrors(contentType: string): FieldError[] {
  if (!isFormData(contentType)) return [missingField('video_file'), missingField('title')];
  const msg = `Expected a boundary of 1 to ${multipartBoundaryMaxBytes} printable ASCII characters in Content-Type`;
  return [{ type: 'value_error', loc: ['body'], msg }];
}

/** A buffer, or 503: nothing of the body has been read by then, but what came along with the headers. */
async function acquireUploadBuffer({ buffers }: AppContext, uploadAbort: AbortController): Promise<PartBuffer> {
  const admissionTimeout = new AbortController();
  const timer = setTimeout(
    () => admissionTimeout.abort(busy('Too many uploads at once, try again')),
    uploadAdmissionWaitMs,
  );
  const signal = AbortSignal.any([uploadAbort.signal, admissionTimeout.signal]);
  try {
    return await buffers.acquire(signal, () => uploadAbort.abort(evicted()));
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the last chunk has been taken in. The socket is paused while a chunk or the next part waits for pages. */
function receive(
  context: RequestContext,
  body: BodyStream,
  form: UploadForm,
  buffer: PartBuffer,
  uploadAbort: AbortController,
): Promise<void> {
  const { signal } = uploadAbort;
  const watch = watchUpload({
    isPaused: body.isPaused,
    renewIdleTimeout: () => renewIdleTimeout(context),
    onLate: (reason) => uploadAbort.abort(reason === 'slow' ? belowFloor() : tooSlow()),
  });
  return new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) return reject(signal.reason);
    const resumeAfter = (ready: Promise<void>) => {
      buffer.setReading(false);
      ready.then(() => {
        buffer.setReading(true);
        body.resume();
      }, reject);
    };

    body.start((chunk, isLast) => {
      if (!buffer.receive(chunk.length)) {
        body.pauseBefore(chunk);
        resumeAfter(buffer.waitForRoom(chunk.length, signal));
        return;
      }
      watch.count(chunk.length);
      try {
        if (context.bytesIn > uploadBodyMaxBytes) throw tooLargeFile(context.bytesIn);
        form.write(chunk);
      } catch (error) {
        body.stop();
        return reject(error);
      }
      if (isLast) resolve();
      else if (buffer.isFull() && !body.isPaused()) {
        body.pause();
        resumeAfter(form.flush());
      }
    });
  }).finally(watch.stop);
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
  return new AppError('upload_timeout', 'The upload did not arrive in time', { closesConnection: true });
}

function belowFloor(): AppError {
  const message = `Expected at least ${uploadFloorBytes / 1024} KiB of the upload in ${uploadFloorWindowMs / 1000} s, got less: try again over a faster connection`;
  return new AppError('upload_timeout', message, { closesConnection: true });
}

/** The slowest upload, when others need its memory. */
function evicted(): AppError {
  return new AppError('unavailable', 'The upload was too slow while many others waited, try again later', {
    retryAfterSeconds: slowUploadRetryAfterSeconds,
  });
}
