import assert from 'node:assert/strict';
import { partBytes } from '../limits.ts';
import type { PartBuffers } from '../objects/part-buffers.ts';
import type { SentPart } from '../objects/part-sender.ts';
import type { ObjectStore } from '../objects/store.ts';

export interface PartLineOptions {
  objects: ObjectStore;
  buffers: PartBuffers;
  /** The line's from here on; handed back to the budget when the line ends. */
  buffer: Buffer;
  key: string;
  signal: AbortSignal;
  /** Makes the multipart upload, before its first part; resolves to its id. */
  open: () => Promise<string>;
}

/**
 * Bytes in, parts out: one part is being filled while one is on its way. Call `flush` when `isFull`, and append nothing
 * before it has resolved. End with `end`, `settle` or both: no buffer is held after that, and nothing is under way.
 */
export function openPartLine({ objects, buffers, key, signal, open, buffer: first }: PartLineOptions) {
  const parts: SentPart[] = [];
  let buffer: Buffer | undefined = first;
  let filledBytes = 0;
  let totalBytes = 0;
  let uploadId: string | undefined;
  let inFlight: Promise<void> = Promise.resolve();
  let flushing: Promise<void> = Promise.resolve();
  let isEnding = false;

  function append(bytes: Buffer): void {
    assert(buffer !== undefined, 'bytes arrived while no buffer was held');
    bytes.copy(buffer, filledBytes);
    filledBytes += bytes.length;
    totalBytes += bytes.length;
  }

  /** Sends what has been filled and gets a buffer to go on with. Nothing to do once the line is ending. */
  function flush(): Promise<void> {
    if (!isEnding) flushing = flushNow();
    return flushing;
  }

  async function flushNow(): Promise<void> {
    await inFlight;
    await startPart();
    buffer = await buffers.acquire(signal);
  }

  async function startPart(): Promise<void> {
    uploadId ??= await open();
    const sent = takeBuffer();
    const place = { key, uploadId, partNumber: parts.length + 1 };
    inFlight = objects
      .sendPart(place, sent.subarray(0, filledBytes), signal)
      .then((part) => void parts.push(part))
      .finally(() => buffers.release(sent));
    filledBytes = 0;
    // Awaited by whoever comes next; until then a failure must not count as unhandled.
    inFlight.catch(() => undefined);
  }

  function takeBuffer(): Buffer {
    assert(buffer !== undefined, 'no buffer is held');
    const taken = buffer;
    buffer = undefined;
    return taken;
  }

  async function sendRest(): Promise<void> {
    isEnding = true;
    await flushing;
    await inFlight;
    if (filledBytes > 0) await startPart();
    await inFlight;
  }

  /** Returns once nothing is under way any more, however it went. */
  async function settle(): Promise<void> {
    isEnding = true;
    await flushing.catch(() => undefined);
    await inFlight.catch(() => undefined);
    if (buffer !== undefined) buffers.release(takeBuffer());
  }

  return {
    append,
    flush,
    settle,
    /** Sends what is left; resolves to all parts once S3 has taken each. */
    end: () => sendRest().then(() => settle().then(() => parts)),
    /** For a line about to be settled, whose buffer somebody else goes on with at once. */
    surrenderBuffer: takeBuffer,
    isFull: () => filledBytes >= partBytes,
    bytes: () => totalBytes,
    /** What has been written of the part being filled: the object's first bytes until the first flush. */
    filled: () => (buffer === undefined ? Buffer.alloc(0) : buffer.subarray(0, filledBytes)),
  };
}
