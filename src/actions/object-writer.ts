import assert from 'node:assert/strict';
import { partBytes } from '../limits.ts';
import type { PartBuffers } from '../objects/part-buffers.ts';
import type { SentPart } from '../objects/part-sender.ts';
import type { ObjectStore } from '../objects/store.ts';

export type ObjectWriter = ReturnType<typeof openObjectWriter>;

interface ObjectWriterOptions {
  objects: ObjectStore;
  buffers: PartBuffers;
  /** The writer's from here on; handed back to the budget when the writer ends. */
  buffer: Buffer;
  key: string;
  contentType: string;
  signal: AbortSignal;
  /** Runs before anything exists in S3 under the key, so that nothing there is ever unknown. */
  recordIntent: () => Promise<void>;
}

/**
 * Writes one object of unknown length as a multipart upload: one part is being filled while one is on its way.
 * Call `flush` when `isFull`, and append nothing before it has resolved. End with either `complete` or `undo`;
 * `undo` may follow anything, also a failed `complete`, and settles everything under way before it returns.
 */
export function openObjectWriter(options: ObjectWriterOptions) {
  const { objects, buffers, key } = options;
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const parts: SentPart[] = [];
  let buffer: Buffer | undefined = options.buffer;
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

  /** Sends what has been filled and gets a buffer to go on with. Nothing to do once the writer is ending. */
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
    assert(buffer !== undefined, 'no buffer to send');
    uploadId ??= await create();
    const sent = buffer;
    const bytes = sent.subarray(0, filledBytes);
    const place = { key, uploadId, partNumber: parts.length + 1 };
    buffer = undefined;
    filledBytes = 0;
    inFlight = objects
      .sendPart(place, bytes, signal)
      .then((part) => void parts.push(part))
      .finally(() => buffers.release(sent));
    // Awaited by whoever comes next; until then a failure must not count as unhandled.
    inFlight.catch(() => undefined);
  }

  async function create(): Promise<string> {
    await options.recordIntent();
    return objects.createMultipart(key, options.contentType, signal);
  }

  /**
   * Resolves when S3 has the object whole. Complete is not idempotent and its answer can be lost or be an error that is
   * none, so a failure is believed only after a look at the object.
   */
  async function complete(): Promise<void> {
    isEnding = true;
    await flushing;
    await inFlight;
    if (filledBytes > 0) await startPart();
    await inFlight;
    giveBufferBack();
    assert(uploadId !== undefined, 'an empty object is never completed');
    signal.throwIfAborted();
    try {
      await objects.completeMultipart(key, uploadId, parts);
    } catch (error) {
      const found = await objects.headObject(key);
      if (found?.bytes !== totalBytes) throw error;
    }
  }

  /** Resolves to true when S3 holds nothing of it any more; false leaves the rest to the sweep. */
  async function undo(): Promise<boolean> {
    isEnding = true;
    abort.abort(new Error('The upload was given up'));
    await flushing.catch(() => undefined);
    await inFlight.catch(() => undefined);
    giveBufferBack();
    if (uploadId === undefined) return false;
    try {
      await objects.abortMultipart(key, uploadId);
      await objects.deleteObject(key);
      return true;
    } catch {
      return false;
    }
  }

  /** For a writer about to be undone, whose buffer somebody else goes on with at once. */
  function surrenderBuffer(): Buffer {
    assert(buffer !== undefined, 'no buffer to surrender');
    const surrendered = buffer;
    buffer = undefined;
    return surrendered;
  }

  function giveBufferBack(): void {
    if (buffer !== undefined) buffers.release(buffer);
    buffer = undefined;
    filledBytes = 0;
  }

  return {
    key,
    append,
    flush,
    complete,
    undo,
    surrenderBuffer,
    isFull: () => filledBytes >= partBytes,
    bytes: () => totalBytes,
    /** What has been written of the part being filled: the object's first bytes until the first flush. */
    filled: () => (buffer === undefined ? Buffer.alloc(0) : buffer.subarray(0, filledBytes)),
  };
}
