import { MultipartError } from '../../src/multipart/multipart-error.ts';
import { createMultipartParser } from '../../src/multipart/parser.ts';
import type { Outcome, ReadPart } from './reference-parser.ts';

/**
 * Feeds a body to the parser in the given chunks. Each chunk is a copy that is overwritten as soon as `write` returns, as the
 * socket's is, so that bytes which were kept instead of copied show. Anything thrown but a MultipartError comes through.
 */
export function readByParser(body: Buffer, boundary: string, cuts: Iterable<number>): Outcome {
  const parts: ReadPart[] = [];
  const current = (): ReadPart => {
    const part = parts.at(-1);
    if (part === undefined || part.isWhole) throw new Error('Expected data inside a part, got some outside');
    return part;
  };
  const parser = createMultipartParser(boundary, {
    onPart: ({ name, isFile, contentType }) => parts.push({ name, isFile, contentType, data: '', isWhole: false }),
    onData(bytes) {
      if (bytes.length === 0) throw new Error('Expected bytes, got an empty chunk');
      current().data += bytes.toString('latin1');
    },
    onPartEnd() {
      current().isWhole = true;
    },
  });
  try {
    let from = 0;
    for (const to of [...cuts, body.length]) {
      const chunk = Buffer.from(body.subarray(from, to));
      parser.write(chunk);
      chunk.fill(0xaa);
      from = to;
    }
    parser.end();
    return { parts, fault: undefined };
  } catch (error) {
    if (error instanceof MultipartError) return { parts, fault: error.message };
    throw error;
  }
}

/** Returns the offsets at which to cut so that every chunk has `size` bytes. */
export function* everyBytes(body: Buffer, size: number): Generator<number> {
  for (let at = size; at < body.length; at += size) yield at;
}
