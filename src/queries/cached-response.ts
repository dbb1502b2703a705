import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { compressedMinBytes } from '../limits.ts';

export type Encoding = 'identity' | 'gzip' | 'br';
type Header = readonly [string, string];

/** A response in one content encoding, ready to send. */
export interface EncodedVariant {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly headers: readonly Header[];
  /** Content-Type and `headers` as sent: each line begins with a line break. */
  readonly head: string;
}

export interface CachedResponse extends EncodedVariant {
  /** The headers that were passed to `createCachedResponse`. */
  readonly extraHeaders: readonly Header[];
  readonly isCompressible: boolean;
  /** Returns a variant, which is compressed once for all clients. A promise only until the compression has ended. */
  variant(encoding: Encoding): EncodedVariant | Promise<EncodedVariant>;
}

/**
 * Serializes a response. The ETag is a hash of the bytes, so that it is the same in every process and after a restart. When the
 * bytes equal those of `previous`, returns `previous` with its compressed variants.
 */
export function createCachedResponse(
  value: unknown,
  headers: readonly Header[] = [],
  previous?: CachedResponse,
): CachedResponse {
  const bytes = Buffer.from(JSON.stringify(value));
  if (previous?.bytes.equals(bytes) && JSON.stringify(previous.extraHeaders) === JSON.stringify(headers))
    return previous;
  return { ...prepareBytes(bytes, 'application/json', [noCache, ...headers]), extraHeaders: headers };
}

/** Creates the response for bytes of any type. Images are already compressed, and are sent as they are. */
export function prepareBytes(bytes: Buffer, contentType: string, headers: readonly Header[]): CachedResponse {
  const tag = createHash('sha1').update(bytes).digest('base64url');
  const isCompressible = bytes.length >= compressedMinBytes && !contentType.startsWith('image/');
  const form = (encoded: Buffer, etag: string, more: readonly Header[]) =>
    describeVariant(encoded, contentType, [['ETag', etag], ...more, ...headers]);
  const identity = form(bytes, `"${tag}"`, isCompressible ? [vary] : []);
  const variants = new Map<Encoding, EncodedVariant | Promise<EncodedVariant>>([['identity', identity]]);

  return {
    ...identity,
    extraHeaders: [],
    isCompressible,
    variant(encoding) {
      if (!isCompressible) return identity;
      const known = variants.get(encoding);
      if (known !== undefined) return known;
      const made = compress[encoding](bytes).then((compressed) => {
        const variant = form(compressed, `"${tag}-${encoding}"`, [['Content-Encoding', encoding], vary]);
        variants.set(encoding, variant);
        return variant;
      });
      variants.set(encoding, made);
      return made;
    },
  };
}

const vary: Header = ['Vary', 'Accept-Encoding'];
const noCache: Header = ['Cache-Control', 'no-cache'];

function describeVariant(bytes: Buffer, contentType: string, headers: readonly Header[]): EncodedVariant {
  const lines: Header[] = [['Content-Type', contentType], ...headers];
  const [, etag] = headers[0] as Header;
  return { bytes, etag, headers, head: lines.map(([name, value]) => `\r\n${name}: ${value}`).join('') };
}

/** Compresses in libuv's thread pool. Brotli runs at quality 5, since quality 11 takes a hundred times as long. */
const compress: Record<Encoding, (bytes: Buffer) => Promise<Buffer>> = {
  identity: async (bytes) => bytes,
  gzip: promisify<Buffer, Buffer>((bytes, done) => gzip(bytes, { level: 6 }, done)),
  br: promisify<Buffer, Buffer>((bytes, done) =>
    brotliCompress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }, done),
  ),
};
