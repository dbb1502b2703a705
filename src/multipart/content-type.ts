import { multipartBoundaryMaxBytes } from '../limits.ts';
import { parseParameters } from './part-headers.ts';

const boundaryCharacters = /^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/;

/** Returns the boundary of a Content-Type header, or undefined when the type is not multipart/form-data or the boundary is invalid. */
export function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(contentType)) return undefined;
  const boundary = parseParameters(contentType).get('boundary');
  if (boundary === undefined || boundary.length > multipartBoundaryMaxBytes) return undefined;
  return boundaryCharacters.test(boundary) ? boundary : undefined;
}
