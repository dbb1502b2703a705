import { AppError, ValidationError } from '../errors.ts';
import { requestDeadlineMs } from '../limits.ts';
import type { TokenSubject } from '../tokens.ts';
import type { AppContext } from './app-context.ts';
import { authenticate, invalidToken, readToken } from './auth.ts';
import { renderError } from './error-reply.ts';
import { notAnObject, readJsonBody } from './json-body.ts';
import { enforceRateLimit } from './rate-limit.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import { createInputReader, readRawInput } from './request.ts';
import { abortHandler, type OpenRequestContext, type RequestContext, watchAbort } from './request-context.ts';
import { openRequestTimeouts } from './request-timeouts.ts';
import type { Row, StreamRow, ValueRow } from './route.ts';
import { validate } from './schemas/validator.ts';
import { logSecurity } from './security-log.ts';
import type { HttpRequest, Serve } from './uws.ts';

type Run = (context: RequestContext, req: HttpRequest) => Reply | Promise<Reply>;

/**
 * Returns the function that serves one route. It reads everything from the request before it returns, then checks for errors in the
 * contract's order (401, 422, those of the handler). The response of a synchronous handler is sent at once.
 */
export function createServe(row: Row, app: AppContext, openContext: OpenRequestContext, onOver: OnOver): Serve {
  const run = isStreamRow(row) ? runStream(row, app) : runValue(row, app);
  const startTimeout = timeoutsOf(row.timeoutMs);
  // Routes without a rate limit and without a user do not need the client's address.
  const readsClient = row.limit !== undefined || row.auth !== 'none';

  function finish(context: RequestContext, reply: Reply): void {
    if (app.lifecycle.isDraining) context.closesConnection = true;
    sendReply(context, reply, onOver);
  }

  function fail(context: RequestContext, error: unknown): void {
    if (error instanceof AppError && (error.code === 'invalid_token' || error.code === 'not_owner'))
      logSecurity(context, app, 'access_refused', { code: error.code });
    finish(context, renderError(error, context, app.log));
  }

  /**
   * Only asynchronous handlers can be aborted or time out. Either ends the request at once, even if the handler still runs. A client
   * that left gets no response, and errors of its handler are not logged.
   */
  function finishLater(context: RequestContext, response: Promise<Reply>): void {
    let isSettled = false;
    const settle = (act: () => void) => {
      if (isSettled) return;
      isSettled = true;
      stopTimeout();
      act();
    };
    const stopTimeout = startTimeout(() => {
      settle(() => fail(context, new AppError('request_timeout')));
      abortHandler(context, 'The request timed out');
    });
    context.isCorked = false;
    context.onLeave = () =>
      settle(() => {
        app.log.debug({ requestId: context.requestId, route: context.route }, 'client left');
        onOver(context);
      });
    watchAbort(context);
    response.then(
      (reply) => settle(() => finish(context, reply)),
      (error: unknown) => settle(() => fail(context, error)),
    );
  }

  return (res, req, method) => {
    const context = openContext(res, req, method, row.path);
    let response: Reply | Promise<Reply>;
    try {
      if (context.headers.hasInvalidFraming) throw new AppError('invalid_framing');
      if (readsClient) {
        const { address, isLocal } = app.readClient(context, req);
        context.clientAddress = address;
        context.isLocalClient = isLocal;
      }
      response = run(context, req);
    } catch (error) {
      fail(context, error);
      return;
    }
    if (response instanceof Promise) finishLater(context, response);
    else finish(context, response);
  };
}

function isStreamRow(row: Row): row is StreamRow {
  return row.body?.kind === 'stream';
}

function runValue(row: ValueRow, app: AppContext): Run {
  const readInput = createInputReader(row);
  const paramCount = countParameters(row);
  const bodyErrors = row.body === undefined ? undefined : validate(row.body.schema, 'body');
  const limit = app.throttle === undefined ? undefined : row.limit;

  return (context, req) => {
    const raw = readRawInput(req, paramCount);
    const header = (name: string) => req.getHeader(name);
    const body = bodyErrors === undefined ? undefined : readJsonBody(context, req.getHeader('content-type'));
    const proceed = (userId: number, epoch = 0): Reply | Promise<Reply> => {
      const { params, query } = readInput(raw);
      const handle = (value: unknown) => {
        const request = { context, userId, epoch, params, query, body: value, header };
        if (limit === undefined) return row.handle(request, app);
        return enforceRateLimit(context, app, limit, userId).then(() => row.handle(request, app));
      };
      if (body === undefined || bodyErrors === undefined) return handle(undefined);
      return body.then((value) => handle(checkBody(value, bodyErrors)));
    };
    const respond = () => identify(row.auth, req.getHeader('authorization'), app, proceed);
    return body === undefined ? respond() : respondBehindBody(body, respond);
  };
}

function runStream(row: StreamRow, app: AppContext): Run {
  const readInput = createInputReader(row);
  const paramCount = countParameters(row);

  return (context, req) => {
    const raw = readRawInput(req, paramCount);
    const authorization = req.getHeader('authorization');
    const admit = async () => {
      const userId = row.auth === 'user' ? await authenticate(authorization, app) : 0;
      const input = readInput(raw);
      if (row.limit !== undefined) await enforceRateLimit(context, app, row.limit, userId);
      return { userId, ...input };
    };
    return row.handle({ context, header: (name) => req.getHeader(name), admit }, app);
  };
}

function identify(
  auth: Row['auth'],
  authorization: string,
  app: AppContext,
  proceed: (userId: number, epoch?: number) => Reply | Promise<Reply>,
): Reply | Promise<Reply> {
  if (auth === 'none') return proceed(0);
  if (auth === 'trusted token') return rejectUnknownUser(readToken(authorization, app), app, proceed);
  const userId = authenticate(authorization, app);
  return typeof userId === 'number' ? proceed(userId) : userId.then((id) => proceed(id));
}

/** An unknown user gets 401 before any validation error. */
async function rejectUnknownUser(
  subject: TokenSubject,
  app: AppContext,
  proceed: (userId: number, epoch: number) => Reply | Promise<Reply>,
): Promise<Reply> {
  try {
    return await proceed(subject.userId, subject.epoch);
  } catch (error) {
    if (error instanceof ValidationError && !(await app.knownUsers.has(subject))) throw invalidToken();
    throw error;
  }
}

/** Delays an error until the body has ended, because a response before its end would reset the connection. */
async function respondBehindBody(body: Promise<unknown>, respond: () => Reply | Promise<Reply>): Promise<Reply> {
  const ended = body.catch(() => undefined);
  try {
    return await respond();
  } catch (error) {
    await ended;
    throw error;
  }
}

function checkBody(value: unknown, bodyErrors: ReturnType<typeof validate>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  const errors = bodyErrors(value);
  if (errors.length > 0) throw new ValidationError(errors);
  return value;
}

function countParameters({ path }: Row): number {
  return path.split('{').length - 1;
}

type StartTimeout = ReturnType<typeof openRequestTimeouts>;
const timeouts = new Map<number, StartTimeout>();

/** Returns the function that starts a time-out. Routes with equal time-outs share a timer. */
function timeoutsOf(timeoutMs: Row['timeoutMs'] = requestDeadlineMs): StartTimeout {
  if (timeoutMs === null) return () => () => true;
  const known = timeouts.get(timeoutMs) ?? openRequestTimeouts(timeoutMs);
  timeouts.set(timeoutMs, known);
  return known;
}
