import { AppError, type ErrorCode, ValidationError } from '../errors.ts';
import { unavailableRetryAfterSeconds } from '../limits.ts';
import type { Logger } from '../log.ts';
import { MultipartError } from '../multipart/multipart-error.ts';
import type { Reply } from './reply.ts';
import type { RequestContext } from './request-context.ts';

const statuses: Record<ErrorCode, number> = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  upload_timeout: 408,
  too_many_requests: 429,
  unavailable: 503,
};

/** Turns an error into a response. An unexpected error is logged, and its text is not sent. */
export function renderFailure(error: unknown, context: RequestContext, log: Logger): Reply {
  if (error instanceof ValidationError) return { status: 422, body: { detail: error.faults } };
  if (error instanceof MultipartError) return { status: 400, body: { detail: error.message } };
  if (error instanceof AppError) {
    if (error.cause !== undefined) log.warn({ ...nameOf(context), err: error.cause }, error.message);
    return renderAppError(error, context);
  }
  if (isOutOfReach(error)) {
    log.warn({ ...nameOf(context), err: error }, 'dependency out of reach');
    return renderAppError(outOfReach(), context);
  }
  log.error({ ...nameOf(context), err: error }, 'request failed');
  return {
    status: 500,
    body: { detail: `Internal server error. Request id: ${context.requestId}` },
  };
}

function nameOf({ requestId, route }: RequestContext): { requestId: string; route: string } {
  return { requestId, route };
}

/** Codes of a connection that was lost or could not be made, and of a PostgreSQL that stops, starts, is full or too slow. */
const outOfReachCodes =
  /^(?:CONNECTION_(?:CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONN(?:REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|08...|57P0[1-5]|57014|55P03|53300)$/;

function isOutOfReach(error: unknown): boolean {
  return error instanceof Error && 'code' in error && outOfReachCodes.test(String(error.code));
}

function outOfReach(): AppError {
  return new AppError('unavailable', 'Service temporarily unavailable, try again', {
    retryAfterSeconds: unavailableRetryAfterSeconds,
  });
}

function renderAppError(error: AppError, context: RequestContext): Reply {
  if (error.closesConnection) context.closesConnection = true;
  const headers: [string, string][] = [];
  if (error.code === 'unauthorized') headers.push(['WWW-Authenticate', 'Bearer']);
  if (error.retryAfterSeconds !== undefined) headers.push(['Retry-After', String(error.retryAfterSeconds)]);
  return { status: statuses[error.code], body: { detail: error.message }, headers };
}
