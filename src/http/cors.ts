import { corsMaxAgeSeconds } from '../limits.ts';
import type { Reply } from './reply.ts';

export type Cors = ReturnType<typeof openCors>;

const requestHeaders = [
  ...['Authorization', 'Content-Type', 'Last-Event-ID', 'If-None-Match', 'X-HTTP-Method-Override'],
  ...['Tus-Resumable', 'Upload-Length', 'Upload-Defer-Length', 'Upload-Metadata', 'Upload-Offset', 'Upload-Checksum'],
  ...['Upload-Complete', 'Upload-Draft-Interop-Version'],
];

/** The response headers that a browser exposes only if CORS lists them. */
const exposedHeaders = [
  ...['X-Request-Id', 'Link', 'ETag', 'Retry-After', 'Location', 'WWW-Authenticate', 'Allow', 'RateLimit'],
  ...['RateLimit-Policy', 'X-Video-Id', 'X-Task-Id', 'Tus-Resumable', 'Tus-Version', 'Tus-Max-Size', 'Tus-Extension'],
  ...['Tus-Checksum-Algorithm', 'Upload-Offset', 'Upload-Length', 'Upload-Defer-Length', 'Upload-Metadata'],
  ...['Upload-Expires', 'Upload-Complete', 'Upload-Limit', 'Upload-Draft-Interop-Version'],
];

/**
 * Opens the CORS headers that let pages of these origins use the API without credentials: a page sends the token. Without origins
 * no response has a CORS header.
 */
export function openCors(origins: readonly string[]) {
  const allowed: ReadonlySet<string> = new Set(origins);
  const isOn = origins.length > 0;

  /** Returns the header fields of every response to a request from `origin`, each after a line break. */
  function describeFields(origin: string): string {
    if (!isOn) return '';
    if (!allowed.has(origin)) return '\r\nVary: Origin';
    const exposed = `\r\nAccess-Control-Expose-Headers: ${exposedHeaders.join(', ')}`;
    return `\r\nVary: Origin\r\nAccess-Control-Allow-Origin: ${origin}${exposed}`;
  }

  /** Returns the headers of the response to a preflight request, or none for an origin that is not allowed. */
  function describePreflight(origin: string, methods: readonly string[]): NonNullable<Reply['headers']> {
    if (!allowed.has(origin)) return [];
    return [
      ['Access-Control-Allow-Methods', methods.join(', ')],
      ['Access-Control-Allow-Headers', requestHeaders.join(', ')],
      ['Access-Control-Max-Age', String(corsMaxAgeSeconds)],
    ];
  }

  return { isOn, describeFields, describePreflight };
}
