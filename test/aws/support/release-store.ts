import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { ensureBucket, openS3Client } from '../../../scripts/dev/servers/bucket.ts';
import type { Environment, TestScope } from '../../support/environment.ts';

export type ReleaseStore = Awaited<ReturnType<typeof openReleaseStore>>;

/** The bucket that instances fetch from, in the S3 server of the tests. */
export async function openReleaseStore(t: TestScope, { values }: Environment) {
  const place = {
    endpoint: values['S3_ENDPOINT'] ?? '',
    region: 'us-east-1',
    accessKeyId: values['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: values['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  const bucket = 'releases';
  await ensureBucket({ ...place, bucket });
  const client = openS3Client(place);
  t.teardown(() => client.destroy());
  return {
    bucket,

    async put(key: string, path: string): Promise<void> {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: readFileSync(path) }));
    },

    async read(key: string): Promise<string> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await Body?.transformToString()) ?? '';
    },
  };
}

/** Uploads what `release --out` wrote to a folder. */
export async function putRelease(store: ReleaseStore, folder: string): Promise<{ version: string; sha256: string }> {
  const archive = readdirSync(join(folder, 'releases')).find((name) => name.endsWith('.tgz')) ?? '';
  const files = [`releases/${archive}`, ...readdirSync(join(folder, 'node')).map((name) => `node/${name}`)];
  for (const key of files) await store.put(key, join(folder, key));
  const version = archive.replace(/\.tgz$/, '');
  return { version, sha256: readFileSync(join(folder, 'releases', `${version}.sha256`), 'utf8').trim() };
}
