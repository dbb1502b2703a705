import assert from 'node:assert/strict';
import { partBytes } from '../limits.ts';
import { extendCrc32 } from '../objects/checksum.ts';
import type { PartBuffers } from '../objects/part-buffers.ts';
import type { SentPart } from '../objects/part-sender.ts';
import type { ObjectStore } from '../objects/store.ts';

export interface PartUploaderOptions {
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
export function openPartUploader({ objects, buffers, key, signal, open, buffer: first }: PartUploaderOptions) {
  const parts: SentPart[] = [];
  let filling: Filling | undefined = startFilling(first);
  let totalBytes = 0;
  let uploadId: string | undefined;
  let inFlight: Promise<void> = Promise.resolve();
  let flushing: Promise<void> = Promise.resolve();
  let isEnding = false;

  function append(bytes: Buffer): void {
    assert(filling !== undefined, 'bytes arrived while no buffer was held');
    fill(filling, bytes);
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
    filling = startFilling(await buffers.acquire(signal));
  }

  async function startPart(): Promise<void> {
    uploadId ??= await open();
    const { buffer, filledBytes, crc32 } = take();
    const place = { key, uploadId, partNumber: parts.length + 1 };
    inFlight = objects
      .sendPart(place, { bytes: buffer.subarray(0, filledBytes), crc32 }, signal)
      .then((part) => void parts.push(part))
      .finally(() => buffers.release(buffer));
    // Awaited by whoever comes next; until then a failure must not count as unhandled.
    inFlight.catch(() => undefined);
  }

  function take(): Filling {
    assert(filling !== undefined, 'no buffer is held');
    const taken = filling;
    filling = undefined;
    return taken;
  }

  async function sendRest(): Promise<void> {
    isEnding = true;
    await flushing;
    await inFlight;
    if (filling !== undefined && filling.filledBytes > 0) await startPart();
    await inFlight;
  }

  /** Returns once nothing is under way any more, however it went. */
  async function settle(): Promise<void> {
    isEnding = true;
    await flushing.catch(() => undefined);
    await inFlight.catch(() => undefined);
    if (filling !== undefined) buffers.release(take().buffer);
  }

  return {
    append,
    flush,
    settle,
    /** Sends what is left; resolves to all parts once S3 has taken each. */
    end: () => sendRest().then(() => settle().then(() => parts)),
    /** For a line about to be settled, whose buffer somebody else goes on with at once. */
    detachBuffer: () => take().buffer,
    isFull: () => filling !== undefined && filling.filledBytes >= partBytes,
    bytes: () => totalBytes,
    /** What has been written of the part being filled: the object's first bytes until the first flush. */
    filled: () => (filling === undefined ? Buffer.alloc(0) : filling.buffer.subarray(0, filling.filledBytes)),
  };
}

interface Filling {
  readonly buffer: Buffer;
  filledBytes: number;
  crc32: number;
}

function startFilling(buffer: Buffer): Filling {
  return { buffer, filledBytes: 0, crc32: 0 };
}

/** The checksum is taken of the bytes as they came, and while they are still in the processor's cache. */
function fill(filling: Filling, bytes: Buffer): void {
  const copied = bytes.copy(filling.buffer, filling.filledBytes);
  assert.equal(copied, bytes.length, 'a part buffer has room for the chunk that fills it');
  filling.filledBytes += bytes.length;
  filling.crc32 = extendCrc32(filling.crc32, bytes);
}
