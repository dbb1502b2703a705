import { MultipartError } from './multipart-error.ts';

export interface PartHeaders {
  readonly name: string;
  /** Whether the part came with a file name: it is a file then, whatever it contains. */
  readonly isFile: boolean;
  /** As sent; undefined when the part has none. */
  readonly contentType: string | undefined;
}

/** Reads the header block of one part: `block` begins behind the boundary and ends before the empty line. */
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

/** A line that begins with white space continues the one before it. */
function unfold(block: string): string {
  return block.replace(/\r\n[ \t]+/g, ' ');
}

const parameter = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s;"]*))\s*/gy;

/** `form-data; name="a"; filename=b`: of a parameter given twice the last counts, as in the system before this one. */
export function parseParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  parameter.lastIndex = value.search(/;|$/);
  for (let match = parameter.exec(value); match !== null; match = parameter.exec(value)) {
    const [, name = '', quoted, bare = ''] = match;
    // Only a quote and a backslash are escaped: older browsers send file paths with bare backslashes.
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(["\\])/g, '$1') ?? bare);
  }
  return parameters;
}
