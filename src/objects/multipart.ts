import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  NoSuchUpload,
} from '@aws-sdk/client-s3';
import { s3RequestDeadlineMs } from '../limits.ts';
import type { S3Connection } from './client.ts';
import { withDeadline } from './deadline.ts';
import type { SentPart } from './part-sender.ts';

export interface OpenMultipart {
  readonly key: string;
  readonly uploadId: string;
  readonly initiatedAt: Date;
}

export async function createMultipart(
  { client, config }: S3Connection,
  key: string,
  contentType: string,
  signal: AbortSignal,
): Promise<string> {
  const command = new CreateMultipartUploadCommand({
    Bucket: config.bucket,
    Key: key,
    ContentType: contentType,
    ChecksumAlgorithm: 'CRC32',
  });
  const { UploadId } = await client.send(command, { abortSignal: signal });
  if (UploadId === undefined) throw new Error('Expected S3 to name the multipart upload, got no id');
  return UploadId;
}

/** Completes an upload. Not idempotent, and the response can be lost: after a rejection, HeadObject decides what happened. */
export async function completeMultipart(
  { client, config }: S3Connection,
  key: string,
  uploadId: string,
  parts: readonly SentPart[],
  signal: AbortSignal,
): Promise<void> {
  const Parts = parts.map((part) => ({
    PartNumber: part.partNumber,
    ETag: part.etag,
    ChecksumCRC32: part.crc32,
  }));
  await client.send(
    new CompleteMultipartUploadCommand({
      Bucket: config.bucket,
      Key: key,
      UploadId: uploadId,
      MultipartUpload: { Parts },
    }),
    { abortSignal: signal },
  );
}

/** Aborts an upload. Resolves also when it does not exist any more. */
export async function abortMultipart(
  { client, config }: S3Connection,
  key: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket: config.bucket, Key: key, UploadId: uploadId });
  try {
    await client.send(command, { abortSignal: signal });
  } catch (error) {
    if (!(error instanceof NoSuchUpload)) throw error;
  }
}

/** Yields the multipart uploads in progress whose keys begin with `prefix`. */
export async function* listOpenMultiparts(
  { client, config }: S3Connection,
  prefix: string,
): AsyncGenerator<OpenMultipart> {
  let markers: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({ Bucket: config.bucket, Prefix: prefix, ...markers });
    const page = await withDeadline('ListMultipartUploads', s3RequestDeadlineMs, undefined, (signal) =>
      client.send(command, { abortSignal: signal }),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) continue;
      yield { key: Key, uploadId: UploadId, initiatedAt: Initiated ?? new Date(0) };
    }
    if (page.IsTruncated !== true) return;
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}
