import { multipartBoundaryMaxBytes } from '../limits.ts';
import { parseParameters } from './part-headers.ts';

/** Clients send more than RFC 2046 allows. Quotes, control characters and bytes without a defined encoding are ambiguous. */
const boundaryCharacters = /^[\x20-\x21\x23-\x7e]*[\x21\x23-\x7e]$/;

export function isFormData(contentType: string): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(contentType);
}

/** Returns the boundary that a Content-Type header declares; undefined when the body is no form data or the boundary is unusable. */
export function boundaryOf(contentType: string): string | undefined {
  if (!isFormData(contentType)) return undefined;
  const boundary = parseParameters(contentType).get('boundary');
  if (boundary === undefined || boundary.length > multipartBoundaryMaxBytes) return undefined;
  return boundaryCharacters.test(boundary) ? boundary : undefined;
}
