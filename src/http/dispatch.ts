import { AppError, ValidationError } from '../errors.ts';
import { requestDeadlineMs, unavailableRetryAfterSeconds } from '../limits.ts';
import { authenticate, invalidCredentials, readToken } from './auth.ts';
import { readClientAddress } from './client-address.ts';
import { openDeadlines } from './deadlines.ts';
import { type Exchange, openExchange, watchAbort } from './exchange.ts';
import { renderFailure } from './failure.ts';
import { receiveUpload } from './handlers/upload.ts';
import { notAnObject, readJsonBody } from './json-body.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import { createInputReader, readRawInput } from './request.ts';
import type { Route } from './route.ts';
import { findFaults } from './schemas/validator.ts';
import type { Service } from './service.ts';
import { admit } from './throttled.ts';
import type { HttpRequest, Serve, Transport } from './uws.ts';

/**
 * Serves one route: everything is taken from the request before its handler returns, then refusals are looked for in the
 * contract's order (401, 422, and what the handler itself finds). A handler that needs nobody else answers at once.
 */
export function createServe(route: Route, service: Service, onOver: OnOver, onError: Transport['onError']): Serve {
  const readInput = createInputReader(route);
  const paramCount = route.path.split('{').length - 1;
  const bodyFaults = route.json === undefined ? undefined : findFaults(route.json, 'body');
  // Where nobody is limited, nobody's address is looked at either.
  const limit = service.throttle === undefined ? undefined : route.limit;
  const trustedHops = service.config.trustedHops;

  function run(exchange: Exchange, req: HttpRequest): Reply | Promise<Reply> {
    if (exchange.headers.framingFault)
      throw new AppError('bad_request', 'Expected one way of framing the body, got another');
    if (limit !== undefined) exchange.clientAddress = readClientAddress(exchange, req, trustedHops);
    if (route.form !== undefined) return receiveUpload(exchange, readUploadHeaders(req), service);
    const raw = readRawInput(req, paramCount);
    const header = (name: string) => req.getHeader(name);
    const body = bodyFaults === undefined ? undefined : readJsonBody(exchange, req.getHeader('content-type'));
    const proceed = (userId: number): Reply | Promise<Reply> => {
      const { params, query } = readInput(raw);
      const handle = (value: unknown) => {
        const request = { exchange, userId, params, query, body: value, header };
        if (limit === undefined) return route.handle(request, service);
        return admit(exchange, service, limit, userId).then(() => route.handle(request, service));
      };
      if (body === undefined || bodyFaults === undefined) return handle(undefined);
      return body.then((value) => handle(checkBody(value, bodyFaults)));
    };
    if (!route.needsUser) return proceed(0);
    if (route.trustsToken) return refuseNobody(readToken(req.getHeader('authorization'), service), proceed);
    const userId = authenticate(req.getHeader('authorization'), service);
    return typeof userId === 'number' ? proceed(userId) : userId.then(proceed);
  }

  /** Who is nobody is told so before anything that is wrong with the request. */
  async function refuseNobody(userId: number, proceed: (userId: number) => Reply | Promise<Reply>): Promise<Reply> {
    try {
      return await proceed(userId);
    } catch (error) {
      if (error instanceof ValidationError && !(await service.knownUsers.has(userId))) throw invalidCredentials();
      throw error;
    }
  }

  function finish(exchange: Exchange, reply: Reply): void {
    if (service.lifecycle.isDraining) exchange.closesConnection = true;
    sendReply(exchange, reply, onOver);
  }

  /** A client that left gets no response, and whatever that ended is not an error of the service. */
  function fail(exchange: Exchange, error: unknown): void {
    if (exchange.wasAborted) {
      service.log.debug({ requestId: exchange.requestId, route: exchange.route, err: error }, 'client left');
      onOver(exchange);
      return;
    }
    finish(exchange, renderFailure(error, exchange, service.log));
  }

  /** Only what waits can be aborted or be late. */
  function finishLater(exchange: Exchange, answer: Promise<Reply>): void {
    watchAbort(exchange);
    exchange.isCorked = false;
    // An upload has deadlines of its own.
    const endWait = route.form === undefined ? beginWait(() => fail(exchange, tooLate())) : () => true;
    answer.then(
      (reply) => void (endWait() && finish(exchange, reply)),
      (error: unknown) => void (endWait() && fail(exchange, error)),
    );
  }

  return (res, req, method) => {
    const exchange = openExchange(res, req, method, route.path, onError);
    let answer: Reply | Promise<Reply>;
    try {
      answer = run(exchange, req);
    } catch (error) {
      fail(exchange, error);
      return;
    }
    if (answer instanceof Promise) finishLater(exchange, answer);
    else finish(exchange, answer);
  };
}

const beginWait = openDeadlines(requestDeadlineMs);

function checkBody(value: unknown, bodyFaults: ReturnType<typeof findFaults>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  const faults = bodyFaults(value);
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
