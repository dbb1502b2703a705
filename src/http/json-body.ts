import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { AppError, type FieldError, ValidationError } from '../errors.ts';
import { jsonBodyDeadlineMs, jsonBodyMaxBytes, refusedBodyDrainMaxBytes } from '../limits.ts';
import { type RequestContext, signalOf } from './request-context.ts';
import { onBody } from './uws.ts';

/** One decoder for all requests, because each holds memory outside the heap until a full garbage collection. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Resolves to the parsed JSON of the body. Must be called inside the route's own handler, before it returns. */
export function readJsonBody(context: RequestContext, contentType: string): Promise<unknown> {
  return readBytes(context).then((bytes) => {
    if (bytes.length === 0) throw invalid({ type: 'missing', loc: ['body'], msg: 'Field required' });
    if (!isJson(contentType)) throw notAnObject();
    return parseJson(bytes);
  });
}

export function notAnObject(): ValidationError {
  return invalid({
    type: 'model_attributes_type',
    loc: ['body'],
    msg: 'Input should be a valid dictionary or object to extract fields from',
  });
}

/** Resolves to the body. Drains one that is too long, up to a bound, so that the client gets the error and not a reset. */
function readBytes(context: RequestContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      context.closesConnection = true;
      reject(new AppError('body_timeout'));
    }, jsonBodyDeadlineMs);
    signalOf(context).addEventListener('abort', () => {
      clearTimeout(deadline);
      reject(new Error('The client left before its body arrived'));
    });
    const rejectTooLong = (isLast: boolean) => {
      if (!isLast && bytes <= jsonBodyMaxBytes + refusedBodyDrainMaxBytes) return;
      clearTimeout(deadline);
      if (!isLast) context.closesConnection = true;
      reject(invalid({ type: 'too_long', loc: ['body'], msg: `Input should have at most ${jsonBodyMaxBytes} bytes` }));
    };
    onBody(context, (chunk, isLast) => {
      context.bytesIn += chunk.length;
      bytes += chunk.length;
      if (bytes > jsonBodyMaxBytes) return rejectTooLong(isLast);
      chunks.push(Buffer.from(chunk));
      if (!isLast) return;
      clearTimeout(deadline);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
  });
}

/** Accepts any JSON type and a missing one, because some clients send none. */
function isJson(contentType: string): boolean {
  return contentType === '' || /^application\/(?:[^\s;/]+\+)?json\s*(?:;|$)/i.test(contentType);
}

function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw invalid({ type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error: not UTF-8' });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(locateSyntaxError(text));
  }
}

/** Returns the error of invalid JSON with its offset. Messages of JSON.parse lack it in part, and may repeat the input. */
function locateSyntaxError(text: string): FieldError {
  const offset = findErrorOffset(text, findSyntaxError(text));
  return { type: 'json_invalid', loc: ['body', [...text.slice(0, offset)].length], msg: 'JSON decode error' };
}

/** Returns undefined for a text that nests so deeply that the recursive parser runs out of stack. */
function findSyntaxError(text: string): ParseError | undefined {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return errors[0];
}

const validText = '"(?:[ !#-[\\]-\\u{10ffff}]|\\\\(?:["\\\\/bfnrt]|u[\\da-fA-F]{4}))*';
const validBeginnings: Record<string, RegExp> = {
  UnexpectedEndOfString: new RegExp(validText, 'uy'),
  InvalidCharacter: new RegExp(validText, 'uy'),
  InvalidEscapeCharacter: new RegExp(validText, 'uy'),
  InvalidUnicode: new RegExp(`${validText}\\\\?`, 'uy'),
  UnexpectedEndOfNumber: /-?\d+/y,
};

/** The parser reports where the invalid string or number begins; clients get the offset of the error inside it. */
function findErrorOffset(text: string, error: ParseError | undefined): number {
  if (error === undefined) return 0;
  const reason = printParseErrorCode(error.error);
  const pattern = validBeginnings[reason];
  if (pattern === undefined) return error.offset;
  pattern.lastIndex = error.offset;
  const end = error.offset + (pattern.exec(text)?.[0].length ?? 0);
  // An unterminated string is reported by its start.
  return /^[^\n\r]?$/.test(text.slice(end, end + 1)) && reason === 'UnexpectedEndOfString' ? error.offset : end;
}

function invalid(error: FieldError): ValidationError {
  return new ValidationError([error]);
}
