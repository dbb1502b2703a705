import type { S3Config } from '../config.ts';
import { openS3Connection } from './client.ts';
import { checkBucket, deleteObject, getToFile, headObject, listObjects, putFile } from './files.ts';
import { abortMultipart, completeMultipart, createMultipart, listOpenMultiparts } from './multipart.ts';
import { openPartSender, type Part, type PartPlace, type SentPart } from './part-sender.ts';
import { openPresigner } from './presign.ts';

export type ObjectStore = ReturnType<typeof openObjectStore>;

/** Told of every call by its S3 name, when it has ended either way. */
export type OnS3Call = (operation: string, seconds: number) => void;

/** The bucket, as the rest of the service sees it. Every call rejects on failure; none retries for ever. */
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

  return {
    createMultipart: (key: string, contentType: string, signal: AbortSignal) =>
      timed('CreateMultipartUpload', () => createMultipart(connection, key, contentType, signal)),
    sendPart: (place: PartPlace, part: Part, signal: AbortSignal) =>
      timed('UploadPart', () => sendPart(place, part, signal)),
    completeMultipart: (key: string, uploadId: string, parts: readonly SentPart[]) =>
      timed('CompleteMultipartUpload', () => completeMultipart(connection, key, uploadId, parts)),
    abortMultipart: (key: string, uploadId: string) =>
      timed('AbortMultipartUpload', () => abortMultipart(connection, key, uploadId)),
    putFile: (key: string, path: string, contentType: string, signal: AbortSignal) =>
      timed('PutObject', () => putFile(connection, key, path, contentType, signal)),
    getToFile: (key: string, path: string, signal: AbortSignal) =>
      timed('GetObject', () => getToFile(connection, key, path, signal)),
    headObject: (key: string) => timed('HeadObject', () => headObject(connection, key)),
    deleteObject: (key: string) => timed('DeleteObject', () => deleteObject(connection, key)),
    checkBucket: (signal: AbortSignal) => timed('HeadBucket', () => checkBucket(connection, signal)),
    listOpenMultiparts: (prefix: string) => listOpenMultiparts(connection, prefix),
    listObjects: (prefix: string, afterKey?: string) => listObjects(connection, prefix, afterKey),
    presignGet,
    close(): void {
      connection.client.destroy();
      connection.agent.destroy();
    },
  };
}
