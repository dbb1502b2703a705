import { AppError, ValidationError } from '../errors.ts';
import { requestDeadlineMs, unavailableRetryAfterSeconds } from '../limits.ts';
import type { TokenSubject } from '../tokens.ts';
import type { AppContext } from './app-context.ts';
import { authenticate, invalidCredentials, readToken } from './auth.ts';
import { readClientAddress } from './client-address.ts';
import { renderFailure } from './failure.ts';
import { receiveUpload } from './handlers/upload.ts';
import { notAnObject, readJsonBody } from './json-body.ts';
import { enforceRateLimit } from './rate-limit.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import { createInputReader, readRawInput } from './request.ts';
import { openRequestContext, type RequestContext, watchAbort } from './request-context.ts';
import { openRequestTimeouts } from './request-timeouts.ts';
import type { Route } from './route.ts';
import { validate } from './schemas/validator.ts';
import type { HttpRequest, Serve, Transport } from './uws.ts';

/**
 * Serves one route. Everything is read from the request before its handler returns; then errors are checked in the contract's order
 * (401, 422, those of the handler). A handler that waits for nothing responds at once.
 */
export function createServe(route: Route, service: AppContext, onOver: OnOver, onError: Transport['onError']): Serve {
  const readInput = createInputReader(route);
  const paramCount = route.path.split('{').length - 1;
  const bodyErrors = route.json === undefined ? undefined : validate(route.json, 'body');
  // Without limits the client's address is not read.
  const limit = service.throttle === undefined ? undefined : route.limit;
  const trustedHops = service.config.trustedHops;

  function run(context: RequestContext, req: HttpRequest): Reply | Promise<Reply> {
    if (context.headers.hasInvalidFraming)
      throw new AppError('bad_request', 'Expected one way of framing the body, got another');
    if (limit !== undefined) context.clientAddress = readClientAddress(context, req, trustedHops);
    if (route.form !== undefined) return receiveUpload(context, readUploadHeaders(req), service);
    const raw = readRawInput(req, paramCount);
    const header = (name: string) => req.getHeader(name);
    const body = bodyErrors === undefined ? undefined : readJsonBody(context, req.getHeader('content-type'));
    const proceed = (userId: number, epoch = 0): Reply | Promise<Reply> => {
      const { params, query } = readInput(raw);
      const handle = (value: unknown) => {
        const request = { context, userId, epoch, params, query, body: value, header };
        if (limit === undefined) return route.handle(request, service);
        return enforceRateLimit(context, service, limit, userId).then(() => route.handle(request, service));
      };
      if (body === undefined || bodyErrors === undefined) return handle(undefined);
      return body.then((value) => handle(checkBody(value, bodyErrors)));
    };
    if (!route.needsUser) return proceed(0);
    if (route.trustsToken) return rejectUnknownUser(readToken(req.getHeader('authorization'), service), proceed);
    const userId = authenticate(req.getHeader('authorization'), service);
    return typeof userId === 'number' ? proceed(userId) : userId.then((id) => proceed(id));
  }

  /** An unknown user gets 401 before any validation error. */
  async function rejectUnknownUser(
    subject: TokenSubject,
    proceed: (userId: number, epoch: number) => Reply | Promise<Reply>,
  ): Promise<Reply> {
    try {
      return await proceed(subject.userId, subject.epoch);
    } catch (error) {
      if (error instanceof ValidationError && !(await service.knownUsers.has(subject))) throw invalidCredentials();
      throw error;
    }
  }

  function finish(context: RequestContext, reply: Reply): void {
    if (service.lifecycle.isDraining) context.closesConnection = true;
    sendReply(context, reply, onOver);
  }

  /** A client that left gets no response, and whatever that ended is not an error of the service. */
  function fail(context: RequestContext, error: unknown): void {
    if (context.wasAborted) {
      service.log.debug({ requestId: context.requestId, route: context.route, err: error }, 'client left');
      onOver(context);
      return;
    }
    finish(context, renderFailure(error, context, service.log));
  }

  /** Only asynchronous handlers can be aborted or time out. */
  function finishLater(context: RequestContext, answer: Promise<Reply>): void {
    watchAbort(context);
    context.isCorked = false;
    // An upload has time-outs of its own.
    const clear = route.form === undefined ? startTimeout(() => fail(context, tooLate())) : () => true;
    answer.then(
      (reply) => void (clear() && finish(context, reply)),
      (error: unknown) => void (clear() && fail(context, error)),
    );
  }

  return (res, req, method) => {
    const context = openRequestContext(res, req, method, route.path, onError);
    let answer: Reply | Promise<Reply>;
    try {
      answer = run(context, req);
    } catch (error) {
      fail(context, error);
      return;
    }
    if (answer instanceof Promise) finishLater(context, answer);
    else finish(context, answer);
  };
}

const startTimeout = openRequestTimeouts(requestDeadlineMs);

function checkBody(value: unknown, bodyErrors: ReturnType<typeof validate>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  const faults = bodyErrors(value);
  if (faults.length > 0) throw new ValidationError(faults);
  return value;
}

function readUploadHeaders(req: HttpRequest) {
  return {
    authorization: req.getHeader('authorization'),
    contentType: req.getHeader('content-type'),
  };
}

function tooLate(): AppError {
  return new AppError('unavailable', 'No answer in time, try again', {
    retryAfterSeconds: unavailableRetryAfterSeconds,
  });
}
