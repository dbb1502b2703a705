import { createServer } from 'node:http';
import type { TestScope } from '../../support/environment.ts';

export interface InstanceMetadata {
  /** Target lifecycle state that the group sets for this instance. */
  targetState: string;
}

/** Serves the metadata of an instance at the metadata address. Requires a token, as the template does. */
export async function startInstanceMetadata(
  t: TestScope,
  keys: { accessKeyId: string; secretAccessKey: string },
): Promise<InstanceMetadata> {
  const metadata: InstanceMetadata = { targetState: 'InService' };
  const answers: Record<string, () => string> = {
    'iam/security-credentials/': () => 'anb-role',
    'iam/security-credentials/anb-role': () => JSON.stringify(credentials(keys), undefined, 2),
    'instance-id': () => 'i-0123456789abcdef0',
    'local-ipv4': () => '127.0.0.1',
    'autoscaling/target-lifecycle-state': () => metadata.targetState,
  };
  const server = createServer((request, response) => {
    if (request.method === 'PUT') return response.end('a-token');
    const isAllowed = request.headers['x-aws-ec2-metadata-token'] === 'a-token';
    const answer = answers[(request.url ?? '').replace('/latest/meta-data/', '')];
    if (!isAllowed || answer === undefined) return response.writeHead(isAllowed ? 404 : 401).end();
    return response.end(answer());
  });
  await new Promise<void>((resolve) => server.listen(80, '169.254.169.254', resolve));
  t.teardown(() => void server.close().closeAllConnections());
  return metadata;
}

function credentials({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }) {
  return {
    Code: 'Success',
    LastUpdated: new Date().toISOString(),
    Type: 'AWS-HMAC',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    // The S3 server of the tests refuses session tokens; with an empty token neither client sends one.
    Token: '',
    Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
  };
}
