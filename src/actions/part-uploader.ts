import type { PartBuffer } from '../objects/part-buffer.ts';
import type { SentPart } from '../objects/part-sender.ts';
import type { ObjectStore } from '../objects/store.ts';

export interface PartUploaderOptions {
  objects: ObjectStore;
  /** The uploader's until it has ended. */
  buffer: PartBuffer;
  key: string;
  signal: AbortSignal;
  /** Makes the multipart upload, before its first part; resolves to its id. */
  open: () => Promise<string>;
}

/**
 * Bytes in, parts out: one part is being filled while one is on its way. Call `flush` when the buffer is full, and append nothing
 * before it has resolved. End with `end`, `settle` or both: no part is in progress after that.
 */
export function openPartUploader({ objects, buffer, key, signal, open }: PartUploaderOptions) {
  const parts: SentPart[] = [];
  let totalBytes = 0;
  let uploadId: string | undefined;
  let inFlight: Promise<void> = Promise.resolve();
  let flushing: Promise<void> = Promise.resolve();
  let isEnding = false;

  function append(bytes: Buffer): void {
    buffer.append(bytes);
    totalBytes += bytes.length;
  }

  /** Sends what has been filled, and waits until the next part may begin. Does nothing once the uploader is ending. */
  function flush(): Promise<void> {
    if (!isEnding) flushing = flushNow();
    return flushing;
  }

  async function flushNow(): Promise<void> {
    await inFlight;
    await startPart();
    await buffer.waitForPart(signal);
  }

  async function startPart(): Promise<void> {
    uploadId ??= await open();
    // The buffer may be another upload's by now.
    signal.throwIfAborted();
    const part = buffer.takePart();
    const place = { key, uploadId, partNumber: parts.length + 1 };
    inFlight = objects
      .sendPart(place, part, signal)
      .then((sent) => void parts.push(sent))
      .finally(part.release);
    // Awaited by whoever comes next; until then a failure must not count as unhandled.
    inFlight.catch(() => undefined);
  }

  async function sendRest(): Promise<void> {
    isEnding = true;
    await flushing;
    await inFlight;
    if (buffer.filledBytes() > 0) await startPart();
    await inFlight;
  }

  /** Resolves once no part is in progress any more, whether or not it was sent. */
  async function settle(): Promise<void> {
    isEnding = true;
    await flushing.catch(() => undefined);
    await inFlight.catch(() => undefined);
  }

  return {
    append,
    flush,
    settle,
    /** Sends what is left; resolves to all parts once S3 has taken each. */
    end: () => sendRest().then(() => parts),
    bytes: () => totalBytes,
  };
}
