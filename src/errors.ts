import {
  slowUploadRetryAfterSeconds,
  unavailableRetryAfterSeconds,
  uploadsPerUserRetryAfterSeconds,
  waitingVideosRetryAfterSeconds,
} from './limits.ts';

interface ErrorKind {
  readonly status: number;
  /** The `detail` of the response. `{name}` stands for a value of the error. */
  readonly message: string;
  /** The Retry-After header, unless the error sets another time. */
  readonly retryAfterSeconds?: number;
}

const defineErrors = <const Code extends string>(kinds: Record<Code, ErrorKind>) => kinds;
const temporary = { status: 503, retryAfterSeconds: unavailableRetryAfterSeconds };

/**
 * Every error that a client may see, by its code. Codes are stable: a client decides by the code, and shows the message. Some
 * messages are Spanish because clients of the older system compare them.
 */
export const errorKinds = defineErrors({
  invalid_framing: { status: 400, message: 'Expected one way of framing the body, got another' },
  body_timeout: { status: 400, message: 'The body did not arrive in time' },
  passwords_differ: { status: 400, message: 'Las contraseñas no coinciden.' },
  weak_password: { status: 400, message: 'La contraseña es demasiado fácil de adivinar: elija otra.' },
  email_taken: { status: 400, message: 'Email ya está registrado.' },
  malformed_form: { status: 400, message: '{reason}' },
  wrong_file_type: { status: 400, message: 'Error en el archivo (tipo o tamaño no valido): {contentType}' },
  file_too_large: {
    status: 400,
    message: 'El archivo excede el tamaño máximo permitido de {limit}MB. Tamaño: {size}MB',
  },
  file_empty: { status: 400, message: 'El archivo está vacío' },
  video_is_public: { status: 400, message: 'Video is public' },
  video_not_processed: { status: 400, message: 'Video is not processed' },
  video_not_public: { status: 400, message: 'Video is not public' },
  already_voted: { status: 400, message: 'You have already voted for this video' },
  video_not_votable: { status: 400, message: 'Video is not available for voting' },
  invalid_token: { status: 401, message: 'Credenciales de autenticación inválidas.' },
  wrong_credentials: { status: 401, message: 'Credenciales inválidas.' },
  not_owner: { status: 403, message: 'You are not authorized' },
  route_not_found: { status: 404, message: 'Not Found' },
  video_not_found: { status: 404, message: 'Video not found' },
  task_not_found: { status: 404, message: 'Task not found' },
  method_not_allowed: { status: 405, message: 'Method Not Allowed' },
  upload_timeout: { status: 408, message: 'The upload did not arrive in time' },
  upload_too_slow: {
    status: 408,
    message:
      'Expected at least {floorKiB} KiB of the upload in {windowSeconds} s, got less: try again over a faster connection',
  },
  quota_exceeded: {
    status: 413,
    message: 'The videos of a user may have {quotaBytes} bytes together: delete a video first',
  },
  /** The `detail` is the list of invalid fields with their validation errors. */
  validation_failed: { status: 422, message: 'Validation failed' },
  rate_limited: { status: 429, message: 'Too many requests, try again later' },
  too_many_log_ins: { status: 429, message: 'Too many failed log-ins for this account, try again later' },
  too_many_waiting: {
    status: 429,
    retryAfterSeconds: waitingVideosRetryAfterSeconds,
    message: 'At most {waitingMax} videos of a user may wait to be processed: try again when one is done',
  },
  too_many_own_uploads: {
    status: 429,
    retryAfterSeconds: uploadsPerUserRetryAfterSeconds,
    message: 'At most {uploadsMax} uploads of a user may run at once: try again when one has ended',
  },
  internal_error: { status: 500, message: 'Internal server error. Request id: {requestId}' },
  unavailable: { ...temporary, message: 'Service temporarily unavailable, try again' },
  not_ready: { ...temporary, message: 'Not ready: {reason}' },
  request_timeout: { ...temporary, message: 'The request was not completed in time, try again' },
  shutting_down: { ...temporary, message: 'The service is about to stop, try again' },
  account_in_use: { ...temporary, message: 'The account is in use, try again' },
  password_queue_full: { ...temporary, message: 'The service is busy, try again in a moment' },
  vote_queue_full: { ...temporary, message: 'Too many votes at once, try again' },
  too_many_uploads: { ...temporary, message: 'Too many uploads at once, try again' },
  upload_evicted: {
    status: 503,
    retryAfterSeconds: slowUploadRetryAfterSeconds,
    message: 'The upload was too slow while many others waited, try again later',
  },
  upload_too_fast: { ...temporary, message: 'The upload arrived faster than it could be stored, try again' },
  upload_not_stored: { ...temporary, message: 'The upload could not be stored, try again' },
});

export type ErrorCode = keyof typeof errorKinds;

/** The only class of errors that clients see. The code decides the status and the message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly closesConnection: boolean;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(describeError(code, options.values), { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds ?? errorKinds[code].retryAfterSeconds;
    this.closesConnection = options.closesConnection ?? false;
  }
}

interface AppErrorOptions {
  /** The values of the message's placeholders. */
  values?: Readonly<Record<string, string | number>>;
  cause?: unknown;
  retryAfterSeconds?: number;
  /** True if the request was not read to its end, so that the bytes after it on this connection cannot be parsed. */
  closesConnection?: boolean;
}

/** Returns the message of a code, with its placeholders replaced. */
export function describeError(code: ErrorCode, values: AppErrorOptions['values'] = {}): string {
  return errorKinds[code].message.replace(/\{(\w+)\}/g, (placeholder, name) => String(values[name] ?? placeholder));
}

/** Describes one invalid field of the input, in the format of the contract's 422 body. */
export interface FieldError {
  type: string;
  loc: (string | number)[];
  msg: string;
}

/** Thrown for input that does not match its schema. Rendered as 422 with the list of invalid fields. */
export class ValidationError extends Error {
  readonly errors: FieldError[];

  constructor(errors: FieldError[]) {
    super(errorKinds.validation_failed.message);
    this.name = 'ValidationError';
    this.errors = errors;
  }
}

/** Thrown for invalid settings. The message names every invalid setting, and the process does not start. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}
