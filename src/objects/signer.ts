import { SignatureV4 } from '@smithy/signature-v4';
import type { S3Connection } from './client.ts';

export interface Address {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** The path of the bucket: empty when the host name contains the bucket. */
  readonly basePath: string;
}

/** Returns the SDK's signer with the client's credentials, which the SDK renews. */
export function openSigner({ client, config }: S3Connection): SignatureV4 {
  return new SignatureV4({
    credentials: client.config.credentials,
    region: config.region,
    service: 's3',
    sha256: client.config.sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
}

export function addressOf({ config }: S3Connection): Address {
  if (config.endpoint === undefined) {
    return {
      protocol: 'https:',
      hostname: `${config.bucket}.s3.${config.region}.amazonaws.com`,
      port: undefined,
      basePath: '',
    };
  }
  const url = new URL(config.endpoint);
  return {
    protocol: url.protocol,
    hostname: url.hostname,
    port: url.port === '' ? undefined : Number(url.port),
    basePath: `${url.pathname.replace(/\/$/, '')}/${config.bucket}`,
  };
}

/** Returns the value of the Host header, which is signed. */
export function hostOf(address: Address): string {
  return address.port === undefined ? address.hostname : `${address.hostname}:${address.port}`;
}
