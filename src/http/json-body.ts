import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { AppError, ValidationError } from '../errors.ts';
import { jsonBodyDeadlineMs, jsonBodyMaxBytes } from '../limits.ts';
import type { Exchange } from './exchange.ts';

/** Resolves to whatever JSON the body holds. Must be called inside the route's own handler, before it returns. */
export function readJsonBody(exchange: Exchange, contentType: string): Promise<unknown> {
  return readBytes(exchange).then((bytes) => {
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

function readBytes(exchange: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      reject(new AppError('bad_request', 'The body did not arrive in time', { closesConnection: true }));
    }, jsonBodyDeadlineMs);
    exchange.res.onData((data, isLast) => {
      exchange.bytesIn += data.byteLength;
      bytes += data.byteLength;
      if (bytes <= jsonBodyMaxBytes) chunks.push(Buffer.from(Buffer.from(data)));
      else reject(invalid({ type: 'too_long', loc: ['body'], msg: `Input should have at most ${jsonBodyMaxBytes} bytes` }));
      if (!isLast && bytes <= jsonBodyMaxBytes) return;
      clearTimeout(deadline);
      if (bytes > jsonBodyMaxBytes && !isLast) exchange.closesConnection = true;
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
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
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
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const offset = goodUntil(text, errors[0]);
  return { type: 'json_invalid', loc: ['body', [...text.slice(0, offset)].length], msg: 'JSON decode error' };
}

const goodText = '"(?:[ !#-[\\]-\\u{10ffff}]|\\\\(?:["\\\\/bfnrt]|u[\\da-fA-F]{4}))*';
const goodPart: Record<string, RegExp> = {
  InvalidCharacter: new RegExp(goodText, 'uy'),
  InvalidEscapeCharacter: new RegExp(goodText, 'uy'),
  InvalidUnicode: new RegExp(`${goodText}\\\\?`, 'uy'),
  UnexpectedEndOfNumber: /-?\d+/y,
};

/** The library tells where the string or the number begins that has the fault in it; clients are told the place itself. */
function goodUntil(text: string, fault: ParseError | undefined): number {
  if (fault === undefined) return 0;
  const pattern = goodPart[printParseErrorCode(fault.error)];
  if (pattern === undefined) return fault.offset;
  pattern.lastIndex = fault.offset;
  return fault.offset + (pattern.exec(text)?.[0].length ?? 0);
}

function invalid(fault: ValidationError['faults'][number]): ValidationError {
  return new ValidationError([fault]);
}
