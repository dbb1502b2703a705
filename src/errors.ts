/**
 * The one error a client may be told about. `code` decides the HTTP status (http/failure.ts holds the table);
 * `message` is the `detail` of the answer, so it must be fit for a client to read.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly closesConnection: boolean;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.closesConnection = options.closesConnection ?? false;
  }
}

export type ErrorCode =
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'upload_timeout'
  | 'too_many_requests'
  | 'unavailable';

interface AppErrorOptions {
  cause?: unknown;
  retryAfterSeconds?: number;
  /** The request was not read to its end, so nothing after it on this connection can be trusted. */
  closesConnection?: boolean;
}

/** One fault of the input, as the contract's 422 body lists them. */
export interface FieldError {
  type: string;
  loc: (string | number)[];
  msg: string;
}

/** Input that does not fit its schema: always rendered as 422 with the list of faults. */
export class ValidationError extends Error {
  readonly faults: FieldError[];

  constructor(faults: FieldError[]) {
    super('Validation failed');
    this.name = 'ValidationError';
    this.faults = faults;
  }
}

/** Settings that cannot be used; the message names every fault, and the process does not start. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}
