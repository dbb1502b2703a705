import type { S3Config } from '../config.ts';
import { s3FileDeadlineMs, s3RequestDeadlineMs } from '../limits.ts';
import { openS3Connection } from './client.ts';
import { withDeadline } from './deadline.ts';
import { checkBucket, deleteObject, getToFile, headObject, listObjects, putFile } from './files.ts';
import { abortMultipart, completeMultipart, createMultipart, listOpenMultiparts } from './multipart.ts';
import { openPartSender, type Part, type PartPlace, type SentPart } from './part-sender.ts';
import { openPresigner } from './presign.ts';

export type ObjectStore = ReturnType<typeof openObjectStore>;

/** Called when a call to S3 has succeeded or failed, with the operation's name in S3. */
export type OnS3Call = (operation: string, seconds: number) => void;

/** Opens the bucket for the rest of the service. Every call rejects on failure and has a bounded number of retries. */
export function openObjectStore(config: S3Config, onCall: OnS3Call = () => undefined) {
  const connection = openS3Connection(config);
  const sendPart = openPartSender(connection);
  const presignGet = openPresigner(connection);

  async function timed<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await call();
    } finally {
      onCall(operation, (performance.now() - startedAt) / 1000);
    }
  }

  /** Bounds each call by `s3RequestDeadlineMs`, or by `s3FileDeadlineMs` when it transfers a whole file. */
  const request = <T>(operation: string, call: (signal: AbortSignal) => Promise<T>, outer?: AbortSignal): Promise<T> =>
    timed(operation, () => withDeadline(operation, s3RequestDeadlineMs, outer, call));
  const transfer = <T>(operation: string, call: (signal: AbortSignal) => Promise<T>, outer: AbortSignal): Promise<T> =>
    timed(operation, () => withDeadline(operation, s3FileDeadlineMs, outer, call));

  return {
    createMultipart: (key: string, contentType: string, signal: AbortSignal) =>
      request('CreateMultipartUpload', (both) => createMultipart(connection, key, contentType, both), signal),
    sendPart: (place: PartPlace, part: Part, signal: AbortSignal) =>
      timed('UploadPart', () => sendPart(place, part, signal)),
    completeMultipart: (key: string, uploadId: string, parts: readonly SentPart[]) =>
      request('CompleteMultipartUpload', (signal) => completeMultipart(connection, key, uploadId, parts, signal)),
    abortMultipart: (key: string, uploadId: string) =>
      request('AbortMultipartUpload', (signal) => abortMultipart(connection, key, uploadId, signal)),
    putFile: (key: string, path: string, contentType: string, signal: AbortSignal) =>
      transfer('PutObject', (both) => putFile(connection, key, path, contentType, both), signal),
    getToFile: (key: string, path: string, signal: AbortSignal) =>
      transfer('GetObject', (both) => getToFile(connection, key, path, both), signal),
    headObject: (key: string) => request('HeadObject', (signal) => headObject(connection, key, signal)),
    deleteObject: (key: string) => request('DeleteObject', (signal) => deleteObject(connection, key, signal)),
    checkBucket: (signal: AbortSignal) => request('HeadBucket', (both) => checkBucket(connection, both), signal),
    listOpenMultiparts: (prefix: string) => listOpenMultiparts(connection, prefix),
    listObjects: (prefix: string, afterKey?: string) => listObjects(connection, prefix, afterKey),
    presignGet,
    close(): void {
      connection.client.destroy();
      connection.agent.destroy();
    },
  };
}
