import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortAgainMs, s3CallDeadlineMs, undoWaitMs } from '../limits.ts';
import type { PartBuffer } from '../objects/part-buffer.ts';
import type { ObjectStore } from '../objects/store.ts';
import { withTimeout } from '../with-timeout.ts';
import { openPartUploader } from './part-uploader.ts';

interface ObjectWriterOptions {
  objects: ObjectStore;
  /** Belongs to the writer until `complete` or `undo` is called. */
  buffer: PartBuffer;
  key: string;
  contentType: string;
  signal: AbortSignal;
  /** Runs before the multipart upload is created, so that every object in S3 has a record in the database. */
  recordIntent: () => Promise<void>;
}

/**
 * Writes one object of unknown length as a multipart upload. Fill and flush it like a part uploader, and end with either `complete`
 * or `undo`. `undo` may be called at any time, also after a failed `complete`, and waits for the calls in flight before it returns.
 */
export function openObjectWriter(options: ObjectWriterOptions) {
  const { objects, key } = options;
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const uploader = openPartUploader({ ...options, signal, open });
  let uploadId: string | undefined;

  async function open(): Promise<string> {
    await options.recordIntent();
    // An abort does not cancel this call: S3 may have created the upload, and only its id can end it.
    uploadId = await objects.createMultipart(key, options.contentType, AbortSignal.timeout(s3CallDeadlineMs));
    return uploadId;
  }

  /**
   * Resolves when S3 has the whole object. Complete is not idempotent, and its response cannot be trusted: it can be lost, report
   * an error after success, or report success after a failure. The object itself is therefore checked.
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

  /** Resolves to true when S3 holds nothing of the object any more. After false the sweep removes the rest. */
  async function undo(): Promise<boolean> {
    abort.abort(new Error('The upload was aborted'));
    await uploader.settle();
    if (uploadId === undefined) return false;
    const late = () => new Error('The object store did not answer in time');
    return withTimeout(remove(uploadId), undoWaitMs, late).then(
      () => true,
      () => false,
    );
  }

  /** Aborts twice: S3 may store a part whose request was cut off after the first abort, which recreates the upload. */
  async function remove(id: string): Promise<void> {
    await objects.abortMultipart(key, id);
    await sleep(abortAgainMs);
    await objects.abortMultipart(key, id);
    await objects.deleteObject(key);
  }

  const { append, flush, bytes } = uploader;
  return { append, flush, complete, undo, bytes };
}
