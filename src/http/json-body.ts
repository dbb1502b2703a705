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
function locateFault(text: string) {
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const [first] = errors;
  const reason = first === undefined ? 'InvalidSymbol' : printParseErrorCode(first.error);
  return { type: 'json_invalid', loc: ['body', first?.offset ?? 0], msg: `JSON decode error: ${reason}` };
}

function invalid(fault: ValidationError['faults'][number]): ValidationError {
  return new ValidationError([fault]);
}
