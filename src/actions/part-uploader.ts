import type { PartBuffer } from '../objects/part-buffer.ts';
import type { SentPart } from '../objects/part-sender.ts';
import type { ObjectStore } from '../objects/store.ts';

export interface PartUploaderOptions {
  objects: ObjectStore;
  /** Belongs to the uploader until it has ended. */
  buffer: PartBuffer;
  key: string;
  signal: AbortSignal;
  /** Creates the multipart upload before its first part is sent. Resolves to its id. */
  open: () => Promise<string>;
}

/**
 * Collects bytes into parts and sends the parts, filling one while another is in flight. Call `flush` when the buffer is full, and
 * append nothing until it has resolved. End with `end`, `settle` or both: no part is in flight after that.
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

  /** Sends the filled bytes and waits until the next part may begin. Does nothing once the uploader is ending. */
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
    // After an abort the buffer may already belong to another upload.
    signal.throwIfAborted();
    const part = buffer.takePart();
    const place = { key, uploadId, partNumber: parts.length + 1 };
    inFlight = objects
      .sendPart(place, part, signal)
      .then((sent) => void parts.push(sent))
      .finally(part.release);
    // The next step awaits it. Until then a failure must not count as an unhandled rejection.
    inFlight.catch(() => undefined);
  }

  async function sendRest(): Promise<void> {
    isEnding = true;
    await flushing;
    await inFlight;
    if (buffer.filledBytes() > 0) await startPart();
    await inFlight;
  }

  /** Resolves when no part is in flight any more, whether or not it was sent. */
  async function settle(): Promise<void> {
    isEnding = true;
    await flushing.catch(() => undefined);
    await inFlight.catch(() => undefined);
  }

  return {
    append,
    flush,
    settle,
    /** Sends the remaining bytes. Resolves to all parts when S3 has stored each of them. */
    end: () => sendRest().then(() => parts),
    bytes: () => totalBytes,
  };
}
