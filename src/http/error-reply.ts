import { AppError, describeError, type ErrorCode, errorKinds, ValidationError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { MultipartError } from '../multipart/multipart-error.ts';
import type { Reply } from './reply.ts';
import type { RequestContext } from './request-context.ts';

/** Turns an error into a response. An unexpected error is logged, and its text is not sent. */
export function renderError(error: unknown, context: RequestContext, log: Logger): Reply {
  if (error instanceof ValidationError) return errorReply('validation_failed', error.errors);
  if (error instanceof MultipartError) {
    return renderAppError(new AppError('malformed_form', { values: { reason: error.message } }), context);
  }
  if (error instanceof AppError) {
    if (error.cause !== undefined) log.warn({ ...nameOf(context), err: error.cause }, error.message);
    return renderAppError(error, context);
  }
  if (isConnectionError(error)) {
    log.warn({ ...nameOf(context), err: error }, 'dependency unavailable');
    return renderAppError(new AppError('unavailable'), context);
  }
  log.error({ ...nameOf(context), err: error }, 'request failed');
  return errorReply('internal_error', describeError('internal_error', { requestId: context.requestId }));
}

/** Returns the response of an error. `detail` is the message of the code, unless given. */
export function errorReply(
  code: ErrorCode,
  detail: unknown = describeError(code),
  headers: Reply['headers'] = [],
): Reply {
  return { status: errorKinds[code].status, body: { detail, code }, headers };
}

function renderAppError({ code, message, retryAfterSeconds, closesConnection }: AppError, context: RequestContext) {
  if (closesConnection) context.closesConnection = true;
  const headers: [string, string][] = [];
  if (errorKinds[code].status === 401) headers.push(['WWW-Authenticate', 'Bearer']);
  if (retryAfterSeconds !== undefined) headers.push(['Retry-After', String(retryAfterSeconds)]);
  return errorReply(code, message, headers);
}

function nameOf({ requestId, route }: RequestContext): { requestId: string; route: string } {
  return { requestId, route };
}

/** Codes of a connection that was lost or could not be made, and of a PostgreSQL that stops, starts, is full or too slow. */
const connectionErrorCodes =
  /^(?:CONNECTION_(?:CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONN(?:REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|08...|57P0[1-5]|57014|55P03|53300)$/;

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && connectionErrorCodes.test(String(error.code));
}
