import { multipartHeaderMaxBytes } from '../limits.ts';
import { MultipartError } from './multipart-error.ts';
import { type PartHeaders, parsePartHeaders } from './part-headers.ts';

/** Collects the bytes after a boundary, across chunks. One collector serves all parts of a body. */
export function createPartHead() {
  const head = Buffer.allocUnsafe(multipartHeaderMaxBytes);
  let filledBytes = 0;
  let headers: PartHeaders | 'closing' | undefined;

  function begin(): void {
    filledBytes = 0;
    headers = undefined;
  }

  /** Collects bytes up to the end of the head or of the chunk. Returns the position at which to continue. */
  function collect(chunk: Buffer, start: number): number {
    const before = filledBytes;
    filledBytes += chunk.copy(head, filledBytes, start);
    if (filledBytes >= 2 && head[0] === 0x2d && head[1] === 0x2d) {
      headers = 'closing';
      return chunk.length;
    }
    const end = head.subarray(0, filledBytes).indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1');
    if (end === -1) {
      if (filledBytes === head.length) {
        throw new MultipartError(`Expected part headers of at most ${multipartHeaderMaxBytes} bytes, got more`);
      }
      return start + filledBytes - before;
    }
    headers = readBlock(head.toString('utf8', 0, end));
    return start + end + 4 - before;
  }

  /** `headers` returns undefined until the head is complete, and `closing` when it ended the body. */
  return { begin, collect, headers: () => headers };
}

/** Parses a header block. Only white space may stand between the boundary and its line end. */
function readBlock(block: string): PartHeaders {
  if (!/^[ \t]*(?:\r\n|$)/.test(block)) {
    throw new MultipartError('Expected a line end after a boundary, got other bytes');
  }
  return parsePartHeaders(block.trimStart());
}
