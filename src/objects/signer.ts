import { SignatureV4 } from '@smithy/signature-v4';
import type { S3Connection } from './client.ts';

export interface Address {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number | undefined;
  /** Where the bucket begins: empty for a bucket with a host of its own. */
  readonly basePath: string;
}

/** The SDK's own signer, with the client's credentials: an instance role's are renewed by the SDK. */
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

/** As it must stand in the Host header, which is signed. */
export function hostOf(address: Address): string {
  return address.port === undefined ? address.hostname : `${address.hostname}:${address.port}`;
}
