import { MultipartError } from './multipart-error.ts';

export interface PartHeaders {
  readonly name: string;
  /** Whether the part has a file name, which makes it a file whatever it contains. */
  readonly isFile: boolean;
  /** The part's Content-Type as sent, or undefined when it has none. */
  readonly contentType: string | undefined;
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
  return { name, isFile: parameters.has('filename') || parameters.has('filename*'), contentType };
}

/** Joins continuation lines, which begin with white space, with the line before. */
function unfold(block: string): string {
  return block.replace(/\r\n[ \t]+/g, ' ');
}

const parameter = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s;"]*))\s*/gy;

/** Parses parameters like `form-data; name="a"; filename=b`. Of a repeated parameter the last one counts, as in the older system. */
export function parseParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  parameter.lastIndex = value.search(/;|$/);
  for (let match = parameter.exec(value); match !== null; match = parameter.exec(value)) {
    const [, name = '', quoted, bare = ''] = match;
    // Unescapes only a quote and a backslash, because older browsers send file paths with plain backslashes.
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(["\\])/g, '$1') ?? bare);
  }
  return parameters;
}
