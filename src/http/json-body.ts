import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { AppError, ValidationError } from '../errors.ts';
import { jsonBodyDeadlineMs, jsonBodyMaxBytes, refusedBodyDrainMaxBytes } from '../limits.ts';
import { type RequestContext, signalOf } from './request-context.ts';
import { onBody } from './uws.ts';

/** One for all: each holds memory outside the heap that only a full collection gives back. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Resolves to whatever JSON the body holds. Must be called inside the route's own handler, before it returns. */
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

/** A body that is too long is dropped as it comes, up to a bound, so that its refusal is not lost to a reset. */
function readBytes(context: RequestContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      reject(new AppError('bad_request', 'The body did not arrive in time', { closesConnection: true }));
    }, jsonBodyDeadlineMs);
    signalOf(context).addEventListener('abort', () => {
      clearTimeout(deadline);
      reject(new Error('The client left before its body had arrived'));
    });
    const refuse = (isLast: boolean) => {
      if (!isLast && bytes <= jsonBodyMaxBytes + refusedBodyDrainMaxBytes) return;
      clearTimeout(deadline);
      if (!isLast) context.closesConnection = true;
      reject(invalid({ type: 'too_long', loc: ['body'], msg: `Input should have at most ${jsonBodyMaxBytes} bytes` }));
    };
    onBody(context, (chunk, isLast) => {
      context.bytesIn += chunk.length;
      bytes += chunk.length;
      if (bytes > jsonBodyMaxBytes) return refuse(isLast);
      chunks.push(Buffer.from(chunk));
      if (!isLast) return;
      clearTimeout(deadline);
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
  });
}

/** Any JSON type, and none at all: clients exist that send none. */
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
    throw invalid(locateFault(text));
  }
}

/** JSON.parse tells where it stopped in some of its messages only, and repeats the input in others. */
function locateFault(text: string): ValidationError['faults'][number] {
  const offset = goodUntil(text, findFault(text));
  return { type: 'json_invalid', loc: ['body', [...text.slice(0, offset)].length], msg: 'JSON decode error' };
}

/** Undefined for what nests so deep that the library, which calls itself for each level, runs out of stack. */
function findFault(text: string): ParseError | undefined {
  const errors: ParseError[] = [];
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return errors[0];
}

const goodText = '"(?:[ !#-[\\]-\\u{10ffff}]|\\\\(?:["\\\\/bfnrt]|u[\\da-fA-F]{4}))*';
const goodPart: Record<string, RegExp> = {
  UnexpectedEndOfString: new RegExp(goodText, 'uy'),
  InvalidCharacter: new RegExp(goodText, 'uy'),
  InvalidEscapeCharacter: new RegExp(goodText, 'uy'),
  InvalidUnicode: new RegExp(`${goodText}\\\\?`, 'uy'),
  UnexpectedEndOfNumber: /-?\d+/y,
};

/** The library tells where the string or the number begins that has the fault in it; clients are told the place itself. */
function goodUntil(text: string, fault: ParseError | undefined): number {
  if (fault === undefined) return 0;
  const reason = printParseErrorCode(fault.error);
  const pattern = goodPart[reason];
  if (pattern === undefined) return fault.offset;
  pattern.lastIndex = fault.offset;
  const end = fault.offset + (pattern.exec(text)?.[0].length ?? 0);
  // A string that only lacks its end is told by its beginning.
  return /^[^\n\r]?$/.test(text.slice(end, end + 1)) && reason === 'UnexpectedEndOfString' ? fault.offset : end;
}

function invalid(fault: ValidationError['faults'][number]): ValidationError {
  return new ValidationError([fault]);
}
