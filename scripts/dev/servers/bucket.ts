import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

export interface BucketOptions {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
}

export function openS3Client({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
}: Omit<BucketOptions, 'bucket'>): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** Creates the bucket unless this account owns it already. */
export async function ensureBucket(options: BucketOptions): Promise<void> {
  const client = openS3Client(options);
  try {
    await client.send(new CreateBucketCommand({ Bucket: options.bucket }));
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
  } finally {
    client.destroy();
  }
}
