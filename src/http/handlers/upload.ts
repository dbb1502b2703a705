import { beginVideoUpload, tooLargeFile } from '../../actions/upload-video.ts';
import { AppError, ValidationError } from '../../errors.ts';
import {
  refusedBodyDrainMaxBytes,
  unavailableRetryAfterSeconds,
  uploadAdmissionWaitMs,
  uploadBodyMaxBytes,
  uploadDeadlineMs,
  uploadStallMs,
} from '../../limits.ts';
import { boundaryOf } from '../../multipart/content-type.ts';
import { authenticate } from '../auth.ts';
import { type BodyStream, openBodyStream } from '../body.ts';
import { type Exchange, signalOf } from '../exchange.ts';
import type { Reply } from '../reply.ts';
import { missingField } from '../schemas/upload-form.ts';
import type { Service } from '../service.ts';
import { admit as admitUse } from '../throttled.ts';
import { openUploadForm, type UploadForm } from '../upload-form.ts';

export interface UploadHeaders {
  readonly authorization: string;
  readonly contentType: string;
}

/**
 * Refused by its headers, admitted, received, finished; each step may throw, and then what has begun is undone, the answer
 * goes out, and a bounded rest of the body is dropped behind it. Must be called inside the route's own handler.
 */
export function receiveUpload(exchange: Exchange, headers: UploadHeaders, service: Service): Promise<Reply> {
  const given = new AbortController();
  const body = openBodyStream(exchange, service.heldBytes, () => given.abort(tooFast()));
  const deadline = setTimeout(() => given.abort(tooSlow()), uploadDeadlineMs);
  signalOf(exchange).addEventListener('abort', () => {
    // After the last byte the client's leaving no longer counts.
    if (!body.hasEnded()) given.abort(new AppError('bad_request', 'The client went away'));
  });
  const { cutOff } = service.lifecycle;
  const onCutOff = () => given.abort(stopping());
  cutOff.signal.addEventListener('abort', onCutOff);
  service.lifecycle.uploads += 1;
  service.metrics.uploadsInFlight.inc();
  return runUpload(exchange, headers, service, body, given)
    .catch((error: unknown) => {
      if (!body.hasEnded()) answerAhead(exchange, body, service);
      throw error;
    })
    .finally(() => {
      body.stop();
      clearTimeout(deadline);
      cutOff.signal.removeEventListener('abort', onCutOff);
      service.lifecycle.uploads -= 1;
      service.metrics.uploadsInFlight.dec();
      service.metrics.uploadBytes.inc(exchange.bytesIn);
    });
}

/** The connection is kept only where the rest is little enough to be waited for. */
function answerAhead(exchange: Exchange, body: BodyStream, { metrics }: Service): void {
  const { bytesIn, headers } = exchange;
  if ((headers.contentLength ?? Number.POSITIVE_INFINITY) - bytesIn > refusedBodyDrainMaxBytes)
    exchange.closesConnection = true;
  exchange.dropRest = () => body.drop().finally(() => metrics.uploadBytes.inc(exchange.bytesIn - bytesIn));
}

async function runUpload(
  exchange: Exchange,
  headers: UploadHeaders,
  service: Service,
  body: BodyStream,
  given: AbortController,
): Promise<Reply> {
  if (service.lifecycle.isDraining) throw stopping();
  const userId = await authenticate(headers.authorization, service);
  await admitUse(exchange, service, 'upload-user', userId);
  const boundary = boundaryOf(headers.contentType);
  if (boundary === undefined) throw new ValidationError([missingField('video_file'), missingField('title')]);
  const { contentLength } = exchange.headers;
  if (contentLength !== undefined && contentLength > uploadBodyMaxBytes) throw tooLargeFile(contentLength);
  const { signal } = given;
  const form = openUploadForm({
    boundary,
    buffer: await admit(service, signal),
    releaseBuffer: service.buffers.release,
    beginVideo: (contentType, buffer) =>
      beginVideoUpload(service, { userId, requestId: exchange.requestId, contentType, buffer, signal }),
  });
  try {
    await receive(exchange, body, form, given);
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

/** A buffer, or 503: nothing of the body has been read by then, but what came along with the headers. */
async function admit({ buffers }: Service, signal: AbortSignal): Promise<Buffer> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(busy('Too many uploads at once, try again')), uploadAdmissionWaitMs);
  try {
    return await buffers.acquire(AbortSignal.any([signal, patience.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the last chunk has been taken in. The socket is paused while a full part waits for its turn. */
function receive(exchange: Exchange, body: BodyStream, form: UploadForm, given: AbortController): Promise<void> {
  return new Promise((resolve, reject) => {
    const stall = setTimeout(() => (body.isPaused() ? stall.refresh() : given.abort(tooSlow())), uploadStallMs);
    const fail = (error: unknown) => {
      clearTimeout(stall);
      reject(error);
    };
    given.signal.addEventListener('abort', () => fail(given.signal.reason), { once: true });
    if (given.signal.aborted) return fail(given.signal.reason);

    body.start((chunk, isLast) => {
      stall.refresh();
      try {
        if (exchange.bytesIn > uploadBodyMaxBytes) throw tooLargeFile(exchange.bytesIn);
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
