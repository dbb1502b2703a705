import { AppError, type ErrorCode, ValidationError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { MultipartError } from '../multipart/multipart-error.ts';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';

const statuses: Record<ErrorCode, number> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  too_many_requests: 429,
  unavailable: 503,
};

/** The one place where an error becomes an answer. What nobody expected is logged, and its text stays here. */
export function renderFailure(error: unknown, exchange: Exchange, log: Logger): Reply {
  if (error instanceof ValidationError) return { status: 422, body: { detail: error.faults } };
  if (error instanceof MultipartError) return { status: 400, body: { detail: error.message } };
  if (error instanceof AppError) return renderAppError(error, exchange);
  log.error({ requestId: exchange.requestId, route: exchange.route, err: error }, 'request failed');
  return {
    status: 500,
    body: { detail: `Internal server error. Request id: ${exchange.requestId}` },
  };
}

function renderAppError(error: AppError, exchange: Exchange): Reply {
  if (error.closesConnection) exchange.closesConnection = true;
  const headers: [string, string][] = [];
  if (error.code === 'unauthorized') headers.push(['WWW-Authenticate', 'Bearer']);
  if (error.retryAfterSeconds !== undefined) headers.push(['Retry-After', String(error.retryAfterSeconds)]);
  return { status: statuses[error.code], body: { detail: error.message }, headers };
}
