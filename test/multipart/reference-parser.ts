import { multipartHeaderMaxBytes, multipartMaxParts } from '../../src/limits.ts';

export interface ReadPart {
  name: string;
  isFile: boolean;
  contentType: string | undefined;
  /** One character for each byte. */
  data: string;
  isWhole: boolean;
}

export interface Outcome {
  parts: ReadPart[];
  /** The first error; undefined when the body is well-formed. */
  fault: string | undefined;
}

/**
 * What the parser must make of a body, written to be read rather than to be fast: the whole body is one string of bytes, and
 * everything is looked for from left to right.
 */
export function readByReference(body: Buffer, boundary: string): Outcome {
  const delimiter = `\r\n--${boundary}`;
  const parts: ReadPart[] = [];
  // The first boundary may stand at the very beginning, without its line end.
  const text = `\r\n${body.toString('latin1')}`;
  let at = text.indexOf(delimiter);
  try {
    if (at === -1) throw new Fault('Expected a closing boundary, got the end of the body');
    for (;;) {
      at += delimiter.length;
      if (text.startsWith('--', at)) return { parts, fault: undefined };
      const headEnd = text.slice(at, at + multipartHeaderMaxBytes).indexOf('\r\n\r\n');
      if (headEnd === -1) throw new Fault(missingHeadEnd(text.length - at));
      const part = beginPart(text.slice(at, at + headEnd), parts.length + 1);
      parts.push(part);
      const dataStart = at + headEnd + 4;
      at = text.indexOf(delimiter, dataStart);
      if (at === -1) {
        part.data = withoutBegunDelimiter(text.slice(dataStart), delimiter);
        throw new Fault('Expected a closing boundary, got the end of the body');
      }
      part.data = text.slice(dataStart, at);
      part.isWhole = true;
    }
  } catch (error) {
    if (error instanceof Fault) return { parts, fault: error.message };
    throw error;
  }
}

class Fault extends Error {}

function missingHeadEnd(bytesLeft: number): string {
  return bytesLeft >= multipartHeaderMaxBytes
    ? `Expected part headers of at most ${multipartHeaderMaxBytes} bytes, got more`
    : 'Expected a closing boundary, got the end of the body';
}

/** A body that stops where a boundary may have begun: those bytes belong to no part. */
function withoutBegunDelimiter(data: string, delimiter: string): string {
  for (let length = delimiter.length - 1; length > 0; length -= 1) {
    if (data.endsWith(delimiter.slice(0, length))) return data.slice(0, -length);
  }
  return data;
}

function beginPart(bytes: string, number: number): ReadPart {
  const block = Buffer.from(bytes, 'latin1').toString('utf8');
  const padding = block.length - block.replace(/^[ \t]+/, '').length;
  if (padding < block.length && !block.startsWith('\r\n', padding)) {
    throw new Fault('Expected a line end after a boundary, got other bytes');
  }
  if (number > multipartMaxParts) throw new Fault(`Expected at most ${multipartMaxParts} parts, got more`);
  let disposition = '';
  let contentType: string | undefined;
  for (const line of joinFolded(block.trimStart().split('\r\n'))) {
    if (line === '') continue;
    const [name, ...rest] = line.split(':');
    if (name === undefined || name === '' || rest.length === 0) {
      throw new Fault('Expected a part header to be a name and a value, got no colon');
    }
    if (name.trim().toLowerCase() === 'content-disposition') disposition = rest.join(':').trim();
    if (name.trim().toLowerCase() === 'content-type') contentType = rest.join(':').trim();
  }
  const parameters = readParameters(disposition);
  const name = parameters.get('name');
  if (name === undefined) throw new Fault('Expected a part to have a name, got none');
  const isFile = parameters.has('filename') || parameters.has('filename*');
  return { name, isFile, contentType, data: '', isWhole: false };
}

function joinFolded(lines: string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    const isContinuation = whole.length > 0 && /^[ \t]/.test(line);
    if (isContinuation) whole.push(`${whole.pop()} ${line.replace(/^[ \t]+/, '')}`);
    else whole.push(line);
  }
  return whole;
}

/** Reads one character after the other. Text without an equals sign is skipped. */
function readParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  let at = value.includes(';') ? value.indexOf(';') : value.length;
  while (at < value.length) {
    let name = '';
    for (at += 1; at < value.length && value[at] !== '=' && value[at] !== ';'; at += 1) name += value[at];
    if (value[at] !== '=') continue;
    at += 1;
    while (/\s/.test(value[at] ?? '')) at += 1;
    const quoted = value[at] === '"' ? readQuoted(value, at) : undefined;
    let bare = '';
    if (quoted === undefined) while (at < value.length && value[at] !== ';') bare += value[at++];
    else at = quoted.end;
    parameters.set(name.trim().toLowerCase(), quoted?.text ?? bare.trimEnd());
  }
  return parameters;
}

/** Undefined when the closing quote is missing: one behind which the value ends. */
function readQuoted(value: string, start: number): { text: string; end: number } | undefined {
  let text = '';
  for (let at = start + 1; at < value.length; at += 1) {
    const next = value[at + 1];
    if (value[at] === '\\') {
      if (next === undefined) return undefined;
      text += next === '"' || next === '\\' ? next : `\\${next}`;
      at += 1;
    } else if (value[at] === '"') {
      const rest = value.slice(at + 1).trimStart();
      if (rest === '' || rest.startsWith(';')) return { text, end: value.length - rest.length };
      text += '"';
    } else text += value[at];
  }
  return undefined;
}
