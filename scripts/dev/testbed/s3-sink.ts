import type { Defer } from '../../lib/defer.ts';
import { freePort } from '../../lib/ports.ts';
import { makeCertificate } from './certificate.ts';
import { startNodePeer } from './servers.ts';

type Settings = Readonly<Record<string, string>>;

const anyKeys = { AWS_ACCESS_KEY_ID: '123456789012', AWS_SECRET_ACCESS_KEY: 'secret', AWS_ACCOUNT_ID: '123456789012' };

/** Rate at which the slow S3 server reads each connection. */
export const slowBytesPerSecond = 20_000_000;

/** Starts an S3 server that discards all data. Returns settings for it: plain, with TLS, or plain and slow. */
export async function startS3Sink(
  folder: string,
  defer: Defer,
): Promise<{ plain: Settings; tls: Settings; slow: Settings }> {
  const { keyPath, certificatePath } = makeCertificate(folder);
  const [tlsPort, slowPort] = [await freePort(), await freePort()];
  const settings = {
    TLS_PORT: String(tlsPort),
    TLS_KEY: keyPath,
    TLS_CERT: certificatePath,
    SLOW_PORT: String(slowPort),
    SLOW_BYTES_PER_SECOND: String(slowBytesPerSecond),
  };
  const { port } = await startNodePeer('s3-sink', folder, settings, defer);
  const trust = { NODE_EXTRA_CA_CERTS: certificatePath, AWS_CA_BUNDLE: certificatePath };
  return {
    plain: { ...anyKeys, S3_ENDPOINT: `http://127.0.0.1:${port}` },
    tls: { ...anyKeys, ...trust, S3_ENDPOINT: `https://127.0.0.1:${tlsPort}` },
    slow: { ...anyKeys, S3_ENDPOINT: `http://127.0.0.1:${slowPort}` },
  };
}
