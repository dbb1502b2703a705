import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '../config.ts';
import {
  s3CallDeadlineMs,
  s3ConnectionsMax,
  s3ConnectTimeoutMs,
  s3SilenceMs,
  s3UnusedConnectionMs,
} from '../limits.ts';

export interface S3Connection {
  readonly client: S3Client;
  readonly agent: HttpAgent;
  readonly config: S3Config;
}

/**
 * Opens the client of the SDK and the keep-alive agent that it shares with the part sender. Unused connections are closed early:
 * the network may have dropped them without notice, and the next call would wait for its time-out.
 */
export function openS3Connection(config: S3Config): S3Connection {
  const options = {
    keepAlive: true,
    maxSockets: s3ConnectionsMax,
    scheduling: 'lifo' as const,
    timeout: s3UnusedConnectionMs,
  };
  const httpAgent = new HttpAgent(options);
  const httpsAgent = new HttpsAgent(options);
  const client = new S3Client({
    region: config.region,
    maxAttempts: 3,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint, forcePathStyle: true }),
    ...(config.accessKeyId === undefined || config.secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey } }),
    requestHandler: {
      httpAgent,
      httpsAgent,
      connectionTimeout: s3ConnectTimeoutMs,
      requestTimeout: s3CallDeadlineMs,
      socketTimeout: s3SilenceMs,
      throwOnRequestTimeout: true,
    },
  });
  addBucketOwner(client, config.accountId);
  return { client, agent: config.endpoint?.startsWith('http:') ? httpAgent : httpsAgent, config };
}

/** Adds ExpectedBucketOwner to every command. A middleware also covers the abort that lib-storage sends by itself. */
function addBucketOwner(client: S3Client, accountId: string | undefined): void {
  if (accountId === undefined) return;
  client.middlewareStack.add(
    (next) => (args) => next({ ...args, input: { ...args.input, ExpectedBucketOwner: accountId } }),
    { step: 'initialize', name: 'expectedBucketOwner', priority: 'high' },
  );
}
