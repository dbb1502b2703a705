import { multipartHeaderMaxBytes, multipartMaxParts } from '../limits.ts';
import { MultipartError } from './multipart-error.ts';
import { type PartHeaders, parsePartHeaders } from './part-headers.ts';

/** What the parser tells of. Bytes are views of the chunk being written: good inside the call only, copy what is to stay. */
export interface PartSink {
  onPart(headers: PartHeaders): void;
  onData(bytes: Buffer): void;
  onPartEnd(): void;
}

export interface MultipartParser {
  /** Throws MultipartError on a malformed body; the parser must not be used after that. */
  write(chunk: Buffer): void;
  /** Throws MultipartError unless the closing boundary has been seen. */
  end(): void;
}

/**
 * RFC 7578 form data, pushed in as it arrives. Four states:
 *
 *   preamble  what stands before the first boundary is dropped
 *   head      behind a boundary: `--` ends the body, anything else is a header block up to its empty line
 *   data      a part's bytes, up to the next boundary
 *   epilogue  what stands behind the closing boundary is dropped
 *
 * The delimiter is CR LF `--` boundary, and CR occurs in it only as its first byte. So when a chunk ends in the middle of
 * what may be a delimiter, how many of its bytes have matched says all: should the next chunk not go on with it, those
 * bytes were data, and none of them can begin another delimiter. They are then told from the delimiter itself, and no byte
 * is ever kept or copied here outside the header block.
 */
export function createMultipartParser(boundary: string, sink: PartSink): MultipartParser {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const head = Buffer.allocUnsafe(multipartHeaderMaxBytes);
  let state: 'preamble' | 'head' | 'data' | 'epilogue' = 'preamble';
  // The first boundary may stand at the very beginning, without the line end before it: as if that had been seen.
  let matched = 2;
  let headBytes = 0;
  let parts = 0;

  function write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && state !== 'epilogue') {
      at = state === 'head' ? readHead(chunk, at) : readData(chunk, at);
    }
  }

  /** Up to the next delimiter or the end of the chunk; returns where to go on. */
  function readData(chunk: Buffer, start: number): number {
    let from = start;
    if (matched > 0) {
      const went = continueDelimiter(chunk, start);
      if (went === chunk.length || state === 'head') return went;
      from = start;
    }
    const found = chunk.indexOf(delimiter, from);
    if (found === -1) return holdTail(chunk, from);
    tell(chunk, from, found);
    finishData();
    return found + delimiter.length;
  }

  /** A delimiter begun in an earlier chunk: goes on with it, or tells that those bytes were data. */
  function continueDelimiter(chunk: Buffer, start: number): number {
    const length = Math.min(delimiter.length - matched, chunk.length - start);
    if (chunk.compare(delimiter, matched, matched + length, start, start + length) === 0) {
      matched += length;
      if (matched === delimiter.length) finishData();
      return start + length;
    }
    tell(delimiter, 0, matched);
    matched = 0;
    return start;
  }

  /** No whole delimiter in sight: everything is data but a tail that may begin one. */
  function holdTail(chunk: Buffer, from: number): number {
    const tailStart = Math.max(from, chunk.length - delimiter.length + 1);
    const cr = chunk.lastIndexOf(13);
    const length = chunk.length - cr;
    if (cr >= tailStart && chunk.compare(delimiter, 0, length, cr, chunk.length) === 0) {
      tell(chunk, from, cr);
      matched = length;
    } else {
      tell(chunk, from, chunk.length);
    }
    return chunk.length;
  }

  function tell(bytes: Buffer, from: number, to: number): void {
    if (state === 'data' && to > from) sink.onData(bytes.subarray(from, to));
  }

  function finishData(): void {
    if (state === 'data') sink.onPartEnd();
    state = 'head';
    matched = 0;
    headBytes = 0;
  }

  /** Collects what follows a boundary; returns where to go on in the chunk. */
  function readHead(chunk: Buffer, start: number): number {
    const copied = chunk.copy(head, headBytes, start);
    const searchFrom = Math.max(0, headBytes - 3);
    const before = headBytes;
    headBytes += copied;
    if (headBytes >= 2 && head[0] === 0x2d && head[1] === 0x2d) {
      state = 'epilogue';
      return chunk.length;
    }
    const end = head.subarray(0, headBytes).indexOf('\r\n\r\n', searchFrom, 'latin1');
    if (end === -1) {
      if (headBytes === head.length) {
        throw new MultipartError(`Expected part headers of at most ${multipartHeaderMaxBytes} bytes, got more`);
      }
      return start + copied;
    }
    beginPart(head.toString('utf8', 0, end));
    return start + end + 4 - before;
  }

  function beginPart(block: string): void {
    // Behind the boundary only padding may stand before the line end.
    if (!/^[ \t]*(?:\r\n|$)/.test(block)) {
      throw new MultipartError('Expected a line end behind a boundary, got something else');
    }
    parts += 1;
    if (parts > multipartMaxParts) throw new MultipartError(`Expected at most ${multipartMaxParts} parts, got more`);
    const headers = parsePartHeaders(block.trimStart());
    state = 'data';
    sink.onPart(headers);
  }

  function end(): void {
    if (state !== 'epilogue') throw new MultipartError('Expected a closing boundary, got the end of the body');
  }

  return { write, end };
}
