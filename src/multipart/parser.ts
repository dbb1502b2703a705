import { multipartMaxParts } from '../limits.ts';
import { createDelimiterSearch } from './delimiter.ts';
import { MultipartError } from './multipart-error.ts';
import { createPartHead } from './part-head.ts';
import type { PartHeaders } from './part-headers.ts';

/** Receives the parts. Bytes are views of the chunk being written and valid only during the call. */
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
 * Parses RFC 7578 form data as it arrives. Four states:
 *
 *   preamble  bytes before the first boundary, ignored
 *   head      after a boundary: `--` ends the body, anything else is a header block up to its empty line
 *   data      a part's bytes, up to the next boundary
 *   epilogue  bytes after the closing boundary, ignored
 */
export function createMultipartParser(boundary: string, sink: PartSink): MultipartParser {
  let state: 'preamble' | 'head' | 'data' | 'epilogue' = 'preamble';
  let parts = 0;
  const head = createPartHead();
  const delimiter = createDelimiterSearch(boundary, (bytes, from, to) => {
    if (state === 'data' && to > from) sink.onData(bytes.subarray(from, to));
  });

  function write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && state !== 'epilogue') {
      at = state === 'head' ? readHead(chunk, at) : readData(chunk, at);
    }
  }

  function readData(chunk: Buffer, start: number): number {
    const next = delimiter.search(chunk, start);
    if (!delimiter.isFound()) return next;
    if (state === 'data') sink.onPartEnd();
    state = 'head';
    head.begin();
    return next;
  }

  function readHead(chunk: Buffer, start: number): number {
    const next = head.collect(chunk, start);
    const headers = head.headers();
    if (headers === 'closing') state = 'epilogue';
    else if (headers !== undefined) beginPart(headers);
    return next;
  }

  function beginPart(headers: PartHeaders): void {
    parts += 1;
    if (parts > multipartMaxParts) throw new MultipartError(`Expected at most ${multipartMaxParts} parts, got more`);
    state = 'data';
    sink.onPart(headers);
  }

  function end(): void {
    if (state !== 'epilogue') throw new MultipartError('Expected a closing boundary, got the end of the body');
  }

  return { write, end };
}
