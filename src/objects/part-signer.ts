import { createHash, createHmac } from 'node:crypto';
import { getSigningKey } from '@smithy/signature-v4';
import type { S3Connection } from './client.ts';

export interface UnsignedPut {
  /** The path as sent in the request. */
  readonly path: string;
  /** Parameters in ascending order of their names, values escaped. */
  readonly query: string;
  /** The headers to sign, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export type SignPut = (put: UnsignedPut, now?: Date) => Promise<Record<string, string>>;

type Credentials = Awaited<ReturnType<S3Connection['client']['config']['credentials']>>;

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * Signs a PUT with an unsigned payload by Signature Version 4 and returns all its headers. The SDK's signer computes the canonical
 * form of any request, which costs several times the CPU; these requests are in canonical form already. Credentials and signing key
 * come from the SDK, which renews the credentials. The key is cached for one day and one set of credentials.
 */
export function openPutSigner({ client, config }: S3Connection): SignPut {
  let cached: { credentials: Credentials; day: string; key: Uint8Array } | undefined;

  async function keyFor(credentials: Credentials, day: string): Promise<Uint8Array> {
    if (cached?.credentials !== credentials || cached.day !== day) {
      const key = await getSigningKey(client.config.sha256, credentials, day, config.region, 's3');
      cached = { credentials, day, key };
    }
    return cached.key;
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

/** Formats a date like `20261124T183100Z`. */
function formatTime(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

/** Escapes everything but letters, digits and `-._~`, as the canonical form requires. */
export function escapeQueryValue(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
