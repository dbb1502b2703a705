import { S3Client } from '@aws-sdk/client-s3';
import t from 'tap';
import { openS3Connection, type S3Connection } from '../../src/objects/client.ts';
import { escapeQueryValue, openPutSigner } from '../../src/objects/part-signer.ts';
import { openSigner } from '../../src/objects/signer.ts';

const path = '/bucket/uploads/0b0e3f9a-6d3c-4f0e-9f52-7b6f6a3b2c11.mp4';
const config = {
  bucket: 'bucket',
  region: 'eu-west-1',
  endpoint: 'http://127.0.0.1:9000',
  accountId: '123456789012',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

function openConnection(sessionToken?: string): S3Connection {
  const { accessKeyId, secretAccessKey, region } = config;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const connection = { ...openS3Connection(config), client: new S3Client({ region, credentials }) };
  t.teardown(() => connection.agent.destroy());
  return connection;
}

/** Signs the same request at the same time with the service's signer and the SDK's. */
async function signTwice(connection: S3Connection, uploadId: string, headers: Record<string, string>, now: Date) {
  const query = `partNumber=17&uploadId=${escapeQueryValue(uploadId)}`;
  const ours = await openPutSigner(connection)({ path, query, headers }, now);
  const theirs = await openSigner(connection).sign(
    {
      method: 'PUT',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      query: { partNumber: '17', uploadId },
      headers: { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
    { signingDate: now },
  );
  return { ours, theirs: theirs.headers };
}

const headers = { host: '127.0.0.1:9000', 'content-length': '5242880', 'x-amz-checksum-crc32': 'DUoRhQ==' };

t.test('a part is signed as the SDK signs it', async (t) => {
  const owned = { ...headers, 'x-amz-expected-bucket-owner': config.accountId };
  for (const now of ['2026-01-02T03:04:05.678Z', '2026-12-31T23:59:59.999Z']) {
    for (const uploadId of ['2~VmVyc2lvbg.A_b-', "a/b+c=d e&f*g'(h)!", 'ñ']) {
      const { ours, theirs } = await signTwice(openConnection(), uploadId, owned, new Date(now));
      t.same(ours, theirs, `${uploadId} at ${now}`);
    }
  }
});

t.test('credentials of a role carry their token, signed', async (t) => {
  const { ours, theirs } = await signTwice(openConnection('token/of+a=role'), 'abc', headers, new Date());
  t.same(ours, theirs);
  t.equal(ours['x-amz-security-token'], 'token/of+a=role');
  t.match(ours['authorization'], /x-amz-security-token/);
});

t.test('a signer that lives past midnight takes the key of the new day', async (t) => {
  const connection = openConnection();
  const sign = openPutSigner(connection);
  const put = { path, query: 'partNumber=1&uploadId=abc', headers };
  await sign(put, new Date('2026-03-01T23:59:59Z'));
  const later = new Date('2026-03-02T00:00:01Z');
  t.same(await sign(put, later), await openPutSigner(connection)(put, later));
});
