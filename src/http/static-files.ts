import { prepareBytes } from '../queries/cached-response.ts';
import { sendCached } from './cached-reply.ts';
import type { ValueRow } from './route.ts';

/** Describes a file that is served from memory, with ETag, 304 and compression (br, gzip). */
export interface StaticFile {
  readonly path: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Time for which a client may use the file without a request. By default 0: it requests it each time, and gets 304. */
  readonly maxAgeSeconds?: number;
  /** The Content-Security-Policy of a page. */
  readonly contentSecurityPolicy?: string;
}

/** Returns the row that serves a file. Each encoding is made once, for the first client that accepts it. */
export function serveFile({
  path,
  contentType,
  bytes,
  maxAgeSeconds = 0,
  contentSecurityPolicy,
}: StaticFile): ValueRow {
  const cacheControl = maxAgeSeconds === 0 ? 'no-cache' : `public, max-age=${maxAgeSeconds}`;
  const cached = prepareBytes(bytes, contentType, [
    ['Cache-Control', cacheControl],
    ['X-Content-Type-Options', 'nosniff'],
    ...(contentSecurityPolicy === undefined ? [] : [['Content-Security-Policy', contentSecurityPolicy] as const]),
  ]);
  return { method: 'GET', path, auth: 'none', handle: ({ header }) => sendCached(cached, header) };
}
