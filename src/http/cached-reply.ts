import type { CachedResponse, EncodedVariant } from '../queries/cached-response.ts';
import { chooseEncoding } from './encoding.ts';
import type { Reply } from './reply.ts';
import type { RouteRequest } from './route.ts';

/** Responds with the encoding that the client prefers, or with 304. The headers are read before anything is awaited. */
export function sendCached(
  cached: CachedResponse | Promise<CachedResponse>,
  header: RouteRequest['header'],
): Reply | Promise<Reply> {
  const ifNoneMatch = header('if-none-match');
  if (cached instanceof Promise) {
    const encoding = chooseEncoding(header('accept-encoding'));
    return cached.then(async (each) => sendVariant(await each.variant(encoding), ifNoneMatch));
  }
  if (!cached.isCompressible) return sendVariant(cached, ifNoneMatch);
  const variant = cached.variant(chooseEncoding(header('accept-encoding')));
  if (variant instanceof Promise) return variant.then((each) => sendVariant(each, ifNoneMatch));
  return sendVariant(variant, ifNoneMatch);
}

function sendVariant({ bytes, etag, headers, head }: EncodedVariant, ifNoneMatch: string): Reply {
  const isKnown = ifNoneMatch !== '' && (ifNoneMatch === '*' || ifNoneMatch.includes(etag));
  return isKnown ? { status: 304, headers } : { status: 200, bytes, head };
}
