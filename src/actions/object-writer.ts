import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortAgainMs, s3CallDeadlineMs, undoWaitMs } from '../limits.ts';
import type { PartBuffer } from '../objects/part-buffer.ts';
import type { ObjectStore } from '../objects/store.ts';
import { withTimeout } from '../with-timeout.ts';
import { openPartUploader } from './part-uploader.ts';

interface ObjectWriterOptions {
  objects: ObjectStore;
  /** The writer's until `complete` or `undo` was called. */
  buffer: PartBuffer;
  key: string;
  contentType: string;
  signal: AbortSignal;
  /** Runs before anything exists in S3 under the key, so that nothing there is ever unknown. */
  recordIntent: () => Promise<void>;
}

/**
 * Writes one object of unknown length as a multipart upload. Fill and flush it as a part uploader; end with either `complete`
 * or `undo`. `undo` may follow anything, also a failed `complete`, and settles everything under way before it returns.
 */
export function openObjectWriter(options: ObjectWriterOptions) {
  const { objects, key } = options;
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const uploader = openPartUploader({ ...options, signal, open });
  let uploadId: string | undefined;

  async function open(): Promise<string> {
    await options.recordIntent();
    // Not cut off by an abort: an upload that S3 has begun can be ended only by whoever knows its id.
    uploadId = await objects.createMultipart(key, options.contentType, AbortSignal.timeout(s3CallDeadlineMs));
    return uploadId;
  }

  /**
   * Resolves when S3 shows the object whole. Complete is not idempotent, its answer can be lost, be an error though all
   * went well or say that all went well though nothing did: what counts is what is there.
   */
  async function complete(): Promise<void> {
    const parts = await uploader.end();
    assert(uploadId !== undefined, 'an empty object is never completed');
    signal.throwIfAborted();
    const failure = await objects.completeMultipart(key, uploadId, parts).catch((error: unknown) => error);
    const found = await objects.headObject(key);
    if (found?.bytes === uploader.bytes()) return;
    throw failure ?? new Error(`Expected ${key} to have ${uploader.bytes()} bytes, got ${found?.bytes ?? 'no object'}`);
  }

  /** Resolves to true when S3 holds nothing of it any more; false leaves the rest to the sweep. */
  async function undo(): Promise<boolean> {
    abort.abort(new Error('The upload was given up'));
    await uploader.settle();
    if (uploadId === undefined) return false;
    const late = () => new Error('The object store did not answer in time');
    return withTimeout(remove(uploadId), undoWaitMs, late).then(
      () => true,
      () => false,
    );
  }

  /** A part that was cut off may be taken in behind the abort and bring the upload back: hence the second one. */
  async function remove(id: string): Promise<void> {
    await objects.abortMultipart(key, id);
    await sleep(abortAgainMs);
    await objects.abortMultipart(key, id);
    await objects.deleteObject(key);
  }

  const { append, flush, bytes } = uploader;
  return { append, flush, complete, undo, bytes };
}
