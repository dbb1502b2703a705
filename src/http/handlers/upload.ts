import { beginVideoUpload, tooLargeFile } from '../../actions/upload-video.ts';
import type { UserLimits } from '../../database/quota.ts';
import { AppError, type FieldError, ValidationError } from '../../errors.ts';
import {
  multipartBoundaryMaxBytes,
  refusedBodyDrainMaxBytes,
  uploadAdmissionWaitMs,
  uploadBodyMaxBytes,
  uploadDeadlineMs,
  uploadFloorBytes,
  uploadFloorWindowMs,
  videoFileMaxBytes,
  waitingVideosPerUserMax,
} from '../../limits.ts';
import { boundaryOf, isFormData } from '../../multipart/content-type.ts';
import type { PartBuffer } from '../../objects/part-buffer.ts';
import type { AppContext } from '../app-context.ts';
import { type BodyStream, drainBody, openBodyStream, renewIdleTimeout } from '../body.ts';
import { isRateLimited } from '../rate-limit.ts';
import type { Reply } from '../reply.ts';
import { type RequestContext, signalOf } from '../request-context.ts';
import type { StreamRequest } from '../route.ts';
import { missingField } from '../schemas/upload-form.ts';
import { openUploadForm, type UploadForm } from '../upload-form.ts';
import { watchUpload } from '../upload-watch.ts';

/**
 * Handles an upload: checks its headers, admits it, receives the body and stores the video. Each step may throw. Then the steps before
 * it are undone, the response is sent, and a bounded rest of the body is drained. Must be called inside the route's own handler.
 */
export function receiveUpload({ context, header, admit }: StreamRequest, app: AppContext): Promise<Reply> {
  const contentType = header('content-type');
  const uploadAbort = new AbortController();
  const body = openBodyStream(context, app.heldBytes, () => uploadAbort.abort(new AppError('upload_too_fast')));
  const deadline = setTimeout(() => uploadAbort.abort(tooSlow()), uploadDeadlineMs);
  signalOf(context).addEventListener('abort', () => {
    // After the last byte a client that leaves no longer aborts the upload.
    if (!body.hasEnded()) uploadAbort.abort(new Error('The client left'));
  });
  const { cutOff } = app.lifecycle;
  const onCutOff = () => uploadAbort.abort(new AppError('shutting_down'));
  cutOff.signal.addEventListener('abort', onCutOff);
  app.lifecycle.uploads += 1;
  app.metrics.uploadsInFlight.inc();
  return runUpload(context, { admit, contentType }, app, body, uploadAbort)
    .catch((error: unknown) => {
      if (!body.hasEnded()) respondEarly(context, body, app);
      throw error;
    })
    .finally(() => {
      body.stop();
      clearTimeout(deadline);
      cutOff.signal.removeEventListener('abort', onCutOff);
      app.lifecycle.uploads -= 1;
      app.metrics.uploadsInFlight.dec();
      app.metrics.uploadBytes.inc(context.bytesIn);
    });
}

/** Lets the response go out before the body has ended. The connection is kept only if the rest of the body is small. */
function respondEarly(context: RequestContext, body: BodyStream, { metrics }: AppContext): void {
  const { bytesIn, headers } = context;
  if ((headers.contentLength ?? Number.POSITIVE_INFINITY) - bytesIn > refusedBodyDrainMaxBytes)
    context.closesConnection = true;
  context.drainRequestBody = () =>
    drainBody(context, body).finally(() => metrics.uploadBytes.inc(context.bytesIn - bytesIn));
}

async function runUpload(
  context: RequestContext,
  { admit, contentType }: { admit: StreamRequest['admit']; contentType: string },
  app: AppContext,
  body: BodyStream,
  uploadAbort: AbortController,
): Promise<Reply> {
  if (app.lifecycle.isDraining) throw new AppError('shutting_down');
  const { userId } = await admit();
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) throw new ValidationError(boundaryErrors(contentType));
  const { contentLength } = context.headers;
  if (contentLength !== undefined && contentLength > uploadBodyMaxBytes) throw tooLargeFile(contentLength);
  const run = () => storeForm(context, { userId, boundary }, app, body, uploadAbort);
  if (!isRateLimited(context, app)) return run();
  app.uploadsPerUser.begin(userId);
  return run().finally(() => app.uploadsPerUser.end(userId));
}

async function storeForm(
  context: RequestContext,
  { userId, boundary }: { userId: number; boundary: string },
  app: AppContext,
  body: BodyStream,
  uploadAbort: AbortController,
): Promise<Reply> {
  const { signal } = uploadAbort;
  const buffer = await acquireUploadBuffer(app, uploadAbort);
  const form = openUploadForm({
    boundary,
    buffer,
    beginVideo: (videoType) =>
      beginVideoUpload(app, {
        userId,
        requestId: context.requestId,
        contentType: videoType,
        buffer,
        signal,
        announcedBytes: Math.max(0, (context.headers.contentLength ?? 0) - otherPartsMaxBytes),
        limits: userLimits(context, app),
      }),
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
    // Aborts the waits for pages, so that a closed buffer gets none.
    uploadAbort.abort(error);
    const undone = form.undo();
    buffer.close();
    await undone;
    throw error;
  } finally {
    buffer.close();
  }
}

/** Returns the validation errors of a body that cannot be parsed. Form data may have both fields, so neither is missing. */
function boundaryErrors(contentType: string): FieldError[] {
  if (!isFormData(contentType)) return [missingField('video_file'), missingField('title')];
  const msg = `Expected a boundary of 1 to ${multipartBoundaryMaxBytes} printable ASCII characters in Content-Type`;
  return [{ type: 'value_error', loc: ['body'], msg }];
}

const otherPartsMaxBytes = uploadBodyMaxBytes - videoFileMaxBytes;

/** Returns the limits of a user. The number of waiting videos is a rate limit, and off with those. The quota always applies. */
function userLimits(context: RequestContext, app: AppContext): UserLimits {
  return {
    quotaBytes: app.config.userQuotaBytes,
    waitingMax: isRateLimited(context, app) ? waitingVideosPerUserMax : Number.MAX_SAFE_INTEGER,
  };
}

/** Resolves to a buffer, or rejects with 503. Until then only the bytes that arrived with the headers have been read. */
async function acquireUploadBuffer({ buffers }: AppContext, uploadAbort: AbortController): Promise<PartBuffer> {
  const admissionTimeout = new AbortController();
  const timer = setTimeout(() => admissionTimeout.abort(new AppError('too_many_uploads')), uploadAdmissionWaitMs);
  const signal = AbortSignal.any([uploadAbort.signal, admissionTimeout.signal]);
  try {
    return await buffers.acquire(signal, () => uploadAbort.abort(new AppError('upload_evicted')));
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the last chunk has been parsed. The socket is paused while a chunk or the next part waits for pages. */
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

function tooSlow(): AppError {
  return new AppError('upload_timeout', { closesConnection: true });
}

function belowFloor(): AppError {
  const values = { floorKiB: uploadFloorBytes / 1024, windowSeconds: uploadFloorWindowMs / 1000 };
  return new AppError('upload_too_slow', { values, closesConnection: true });
}
