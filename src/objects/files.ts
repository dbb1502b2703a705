import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NotFound,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { fileWriteBufferBytes, partBytes, s3RequestDeadlineMs } from '../limits.ts';
import type { S3Connection } from './client.ts';
import { withDeadline } from './deadline.ts';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** Downloads an object and resolves to the number of bytes written to `path`. Rejects when the body stalls or is cut off. */
export async function getToFile(
  { client, config }: S3Connection,
  key: string,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const answer = await client.send(new GetObjectCommand({ Bucket: config.bucket, Key: key }), { abortSignal: signal });
  // Chunks arrive faster than the thread pool writes single ones: buffered chunks are written together.
  await pipeline(answer.Body as Readable, createWriteStream(path, { highWaterMark: fileWriteBufferBytes }), { signal });
  const { size } = await stat(path);
  if (answer.ContentLength !== undefined && size !== answer.ContentLength) {
    throw new Error(`Expected ${answer.ContentLength} bytes of ${key}, got ${size}`);
  }
  return size;
}

export async function putFile(
  { client, config }: S3Connection,
  key: string,
  path: string,
  contentType: string,
  signal: AbortSignal,
): Promise<void> {
  const body = createReadStream(path);
  const upload = new Upload({
    client,
    params: { Bucket: config.bucket, Key: key, Body: body, ContentType: contentType },
    queueSize: 1,
    partSize: partBytes,
  });
  // lib-storage does not abort while its source stalls, so the source is destroyed.
  const abort = () => {
    body.destroy(new Error('The upload was aborted'));
    upload.abort().catch(() => undefined);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await upload.done();
  } finally {
    signal.removeEventListener('abort', abort);
    body.destroy();
  }
}

export async function headObject(
  { client, config }: S3Connection,
  key: string,
  signal: AbortSignal,
): Promise<{ bytes: number; contentType: string | undefined } | undefined> {
  try {
    const answer = await client.send(new HeadObjectCommand({ Bucket: config.bucket, Key: key }), {
      abortSignal: signal,
    });
    return { bytes: answer.ContentLength ?? 0, contentType: answer.ContentType };
  } catch (error) {
    if (error instanceof NotFound) return undefined;
    throw error;
  }
}

/** Deletes an object. Resolves also when it does not exist. */
export async function deleteObject({ client, config }: S3Connection, key: string, signal: AbortSignal): Promise<void> {
  await client.send(new DeleteObjectCommand({ Bucket: config.bucket, Key: key }), { abortSignal: signal });
}

/** Yields the objects under `prefix` in the order of their keys, starting after `afterKey`. */
export async function* listObjects(
  { client, config }: S3Connection,
  prefix: string,
  afterKey?: string,
): AsyncGenerator<StoredObject> {
  let continuationToken: string | undefined;
  do {
    const page = await withDeadline('ListObjectsV2', s3RequestDeadlineMs, undefined, (signal) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: config.bucket,
          Prefix: prefix,
          StartAfter: afterKey,
          ContinuationToken: continuationToken,
        }),
        { abortSignal: signal },
      ),
    );
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key !== undefined) yield { key: Key, bytes: Size ?? 0, modifiedAt: LastModified ?? new Date(0) };
    }
    continuationToken = page.NextContinuationToken;
  } while (continuationToken !== undefined);
}

/** Rejects when the bucket cannot be reached or belongs to another account. */
export async function checkBucket({ client, config }: S3Connection, signal: AbortSignal): Promise<void> {
  await client.send(new HeadBucketCommand({ Bucket: config.bucket }), { abortSignal: signal });
}
