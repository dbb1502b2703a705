import { MultipartError } from './multipart-error.ts';

export interface PartHeaders {
  readonly name: string;
  /** Whether the part has a file name, which makes it a file whatever it contains. */
  readonly isFile: boolean;
  /** The part's Content-Type as sent, or undefined when it has none. */
  readonly contentType: string | undefined;
  /** Of the part's text, as declared; undefined when the part declares none. */
  readonly charset: string | undefined;
}

/** Parses the header block of one part. `block` begins after the boundary and ends before the empty line. */
export function parsePartHeaders(block: string): PartHeaders {
  let disposition: string | undefined;
  let contentType: string | undefined;
  for (const line of unfold(block).split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) throw new MultipartError('Expected a part header to be a name and a value, got no colon');
    const value = line.slice(colon + 1).trim();
    const name = line.slice(0, colon).trim().toLowerCase();
    if (name === 'content-disposition') disposition = value;
    if (name === 'content-type') contentType = value;
  }
  const parameters = parseParameters(disposition ?? '');
  const name = parameters.get('name');
  if (name === undefined) throw new MultipartError('Expected a part to have a name, got none');
  const isFile = parameters.has('filename') || parameters.has('filename*');
  return { name, isFile, contentType, charset: parseParameters(contentType ?? '').get('charset') };
}

/** Joins continuation lines, which begin with white space, with the line before. */
function unfold(block: string): string {
  return block.replace(/\r\n[ \t]+/g, ' ');
}

/**
 * Parses `form-data; name="a"; filename=b`. Clients put file names into quotes without escaping, so a quote ends its value
 * only before a semicolon or the end, and a value without quotes may hold blanks. Of a repeated parameter the last counts.
 */
export function parseParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  let at = value.search(/;|$/);
  while (at < value.length) {
    name.lastIndex = at;
    const [head = '', key = '', equals] = name.exec(value) ?? [];
    at += head.length;
    if (equals === '') continue;
    const { text, end } = readValue(value, at);
    parameters.set(key.trim().toLowerCase(), text);
    at = end;
  }
  return parameters;
}

/** A semicolon, the parameter's name and its equals sign; text without one is skipped up to the next semicolon. */
const name = /;([^=;]*)(=?)\s*/y;
const quotedValue = /"((?:[^"\\]|\\[\s\S]|"(?!\s*(?:;|$)))*)"\s*(?=;|$)/y;
const bareValue = /[^;]*/y;

function readValue(value: string, start: number): { text: string; end: number } {
  quotedValue.lastIndex = start;
  const quoted = quotedValue.exec(value);
  // Only a quote and a backslash are escaped: older browsers send file paths with bare backslashes.
  if (quoted !== null) return { text: (quoted[1] ?? '').replace(/\\(["\\])/g, '$1'), end: quotedValue.lastIndex };
  bareValue.lastIndex = start;
  const bare = bareValue.exec(value)?.[0] ?? '';
  return { text: bare.trimEnd(), end: start + bare.length };
}
