import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { compressedMinBytes } from '../limits.ts';

export type Encoding = 'identity' | 'gzip' | 'br';
type Header = readonly [string, string];

/** One form of an answer, ready to go out. */
export interface EncodedVariant {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly headers: readonly Header[];
  /** The content type's line and theirs as they go over the wire, each behind a line end. */
  readonly head: string;
}

export interface CachedResponse extends EncodedVariant {
  /** The headers it was made with. */
  readonly given: readonly Header[];
  readonly isCompressible: boolean;
  /** Compressed by the first one who asks, for everybody; a promise only until that is done. */
  variant(encoding: Encoding): EncodedVariant | Promise<EncodedVariant>;
}

/**
 * As it goes out: the ETag is of the bytes, so that it holds over processes and restarts. Where the bytes are those of
 * `previous`, that is kept, with what was compressed of it.
 */
export function prepare(value: unknown, headers: readonly Header[] = [], previous?: CachedResponse): CachedResponse {
  const bytes = Buffer.from(JSON.stringify(value));
  if (previous?.bytes.equals(bytes) && JSON.stringify(previous.given) === JSON.stringify(headers)) return previous;
  return { ...prepareBytes(bytes, 'application/json', [noCache, ...headers]), given: headers };
}

/** The same for bytes of any type. Those of an image are compressed already, and are sent as they are. */
export function prepareBytes(bytes: Buffer, contentType: string, headers: readonly Header[]): CachedResponse {
  const tag = createHash('sha1').update(bytes).digest('base64url');
  const isCompressible = bytes.length >= compressedMinBytes && !contentType.startsWith('image/');
  const form = (encoded: Buffer, etag: string, more: readonly Header[]) =>
    describeVariant(encoded, contentType, [['ETag', etag], ...more, ...headers]);
  const identity = form(bytes, `"${tag}"`, isCompressible ? [vary] : []);
  const variants = new Map<Encoding, EncodedVariant | Promise<EncodedVariant>>([['identity', identity]]);

  return {
    ...identity,
    given: headers,
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

/** In libuv's pool. Brotli at its middle: its best takes a hundred times as long. */
const compress: Record<Encoding, (bytes: Buffer) => Promise<Buffer>> = {
  identity: async (bytes) => bytes,
  gzip: promisify<Buffer, Buffer>((bytes, done) => gzip(bytes, { level: 6 }, done)),
  br: promisify<Buffer, Buffer>((bytes, done) =>
    brotliCompress(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }, done),
  ),
};
