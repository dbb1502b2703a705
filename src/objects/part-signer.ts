import { createHash, createHmac } from 'node:crypto';
import { getSigningKey } from '@smithy/signature-v4';
import type { S3Connection } from './client.ts';

export interface UnsignedPut {
  /** As it goes over the wire. */
  readonly path: string;
  /** By name in ascending order, each value escaped. */
  readonly query: string;
  /** By name in lower case; nothing is signed but these. */
  readonly headers: Readonly<Record<string, string>>;
}

export type SignPut = (put: UnsignedPut, now?: Date) => Promise<Record<string, string>>;

type Credentials = Awaited<ReturnType<S3Connection['client']['config']['credentials']>>;

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * Signature version 4 of a PUT whose payload is not signed: gives all its headers. The SDK's signer takes any request to
 * its canonical form first, in several times the CPU; here it is written down in that form. Key and credentials are the
 * SDK's: the key is good for a day and for these credentials, which the SDK renews.
 */
export function openPutSigner({ client, config }: S3Connection): SignPut {
  let known: { credentials: Credentials; day: string; key: Uint8Array } | undefined;

  async function keyFor(credentials: Credentials, day: string): Promise<Uint8Array> {
    if (known?.credentials !== credentials || known.day !== day) {
      const key = await getSigningKey(client.config.sha256, credentials, day, config.region, 's3');
      known = { credentials, day, key };
    }
    return known.key;
  }

  return async ({ path, query, headers }, now = new Date()) => {
    const credentials = await client.config.credentials();
    const time = formatTime(now);
    const day = time.slice(0, 8);
    const scope = `${day}/${config.region}/s3/aws4_request`;
    const all: Record<string, string> = { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': time };
    if (credentials.sessionToken !== undefined) all['x-amz-security-token'] = credentials.sessionToken;
    const names = Object.keys(all).sort();
    const lines = names.map((name) => `${name}:${all[name]}\n`).join('');
    const canonical = `PUT\n${path}\n${query}\n${lines}\n${names.join(';')}\nUNSIGNED-PAYLOAD`;
    const digest = createHash('sha256').update(canonical).digest('hex');
    const toSign = `${algorithm}\n${time}\n${scope}\n${digest}`;
    const signature = createHmac('sha256', await keyFor(credentials, day))
      .update(toSign)
      .digest('hex');
    const credential = `${credentials.accessKeyId}/${scope}`;
    all['authorization'] =
      `${algorithm} Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    return all;
  };
}

/** `20261124T183100Z` */
function formatTime(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** Everything but letters, digits and `-._~`, as the canonical form wants it. */
export function escapeQueryValue(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
