import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { ensureBucket, openS3Client } from '../../scripts/dev/servers/bucket.ts';
import { requireSetting } from './settings.ts';

/** Creates a bucket and reads it without the service's code, so that an error there cannot hide what it left. */
export async function createBucket(bucket: string) {
  const place = {
    endpoint: requireSetting('TEST_S3_ENDPOINT'),
    region: 'us-east-1',
    accessKeyId: requireSetting('AWS_ACCESS_KEY_ID'),
    secretAccessKey: requireSetting('AWS_SECRET_ACCESS_KEY'),
  };
  await ensureBucket({ ...place, bucket });
  const client = openS3Client(place);
  return {
    keys: () => listKeys(client, bucket),
    openMultiparts: () => listOpenMultiparts(client, bucket),
    async remove(): Promise<void> {
      for (const key of await listKeys(client, bucket)) {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
      client.destroy();
    },
  };
}

async function listKeys(client: S3Client, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

async function listOpenMultiparts(client: S3Client, bucket: string): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return Uploads.map(({ Key }) => Key ?? '');
}
