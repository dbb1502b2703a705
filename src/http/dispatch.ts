import { within } from '../deadline.ts';
import { AppError, ValidationError } from '../errors.ts';
import { requestDeadlineMs, unavailableRetryAfterSeconds } from '../limits.ts';
import { authenticate } from './auth.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { renderFailure } from './failure.ts';
import { receiveUpload } from './handlers/upload.ts';
import { notAnObject, readJsonBody } from './json-body.ts';
import { type Reply, sendReply } from './reply.ts';
import { createInputReader, readRawInput } from './request.ts';
import type { Route } from './route.ts';
import { findFaults } from './schemas/validator.ts';
import type { Service } from './service.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

export type Serve = (res: HttpResponse, req: HttpRequest) => void;

/** Told of every request once it is over, answered or not. */
export type OnOver = (exchange: Exchange) => void;

/**
 * Serves one route: everything is taken from the request before its handler returns, then refusals are looked for in the
 * contract's order (401, 422, and what the handler itself finds). A handler that needs nobody else answers at once.
 */
export function createServe(route: Route, service: Service, onOver: OnOver): Serve {
  const readInput = createInputReader(route);
  const paramCount = route.path.split('{').length - 1;
  const bodyFaults = route.json === undefined ? undefined : findFaults(route.json, 'body');

  function run(exchange: Exchange, req: HttpRequest): Reply | Promise<Reply> {
    if (exchange.headers.framingFault)
      throw new AppError('bad_request', 'Expected one way of framing the body, got another');
    if (route.form !== undefined) return receiveUpload(exchange, readUploadHeaders(req), service);
    const raw = readRawInput(req, paramCount);
    const ifNoneMatch = req.getHeader('if-none-match');
    const body = bodyFaults === undefined ? undefined : readJsonBody(exchange, req.getHeader('content-type'));
    const proceed = (userId: number): Reply | Promise<Reply> => {
      const request = { exchange, userId, ...readInput(raw), body: undefined, ifNoneMatch };
      if (body === undefined || bodyFaults === undefined) return route.handle(request, service);
      return body.then((value) => route.handle({ ...request, body: checkBody(value, bodyFaults) }, service));
    };
    if (!route.needsUser) return proceed(0);
    const userId = authenticate(req.getHeader('authorization'), service);
    return typeof userId === 'number' ? proceed(userId) : userId.then(proceed);
  }

  return (res, req) => {
    const exchange = openExchange(res, req, route.path);
    res.onAborted(() => {
      exchange.isOver = true;
      exchange.wasAborted = true;
      exchange.abort?.abort(new Error('The client went away'));
    });
    const finish = (reply: Reply) => {
      if (service.lifecycle.isDraining) exchange.closesConnection = true;
      sendReply(exchange, reply);
      onOver(exchange);
    };
    const fail = (error: unknown) => finish(renderFailure(error, exchange, service.log));
    try {
      const answer = run(exchange, req);
      if (!(answer instanceof Promise)) finish(answer);
      // An upload has deadlines of its own.
      else if (route.form !== undefined) answer.then(finish, fail);
      else within(answer, requestDeadlineMs, tooLate).then(finish, fail);
    } catch (error) {
      fail(error);
    }
  };
}

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
    expectsContinue: req.getHeader('expect').toLowerCase() === '100-continue',
  };
}

function tooLate(): AppError {
  return new AppError('unavailable', 'No answer in time, try again', {
    retryAfterSeconds: unavailableRetryAfterSeconds,
  });
}
