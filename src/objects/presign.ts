import { LRUCache } from 'lru-cache';
import { playbackUrlLifetimeSeconds, playbackUrlRefreshSeconds, playbackUrlsMax } from '../limits.ts';
import type { S3Connection } from './client.ts';
import { addressOf, hostOf, openSigner } from './signer.ts';

export type PresignGet = (key: string) => Promise<string>;

/**
 * Returns pre-signed links, valid for at least `playbackUrlLifetimeSeconds` minus `playbackUrlRefreshSeconds`. A key gets the same
 * link for `playbackUrlRefreshSeconds`, so that browsers' caches and cached responses stay valid.
 */
export function openPresigner(connection: S3Connection): PresignGet {
  const address = addressOf(connection);
  const signer = openSigner(connection);
  const links = new LRUCache<string, string>({ max: playbackUrlsMax, ttl: playbackUrlRefreshSeconds * 1000 });
  const { accountId } = connection.config;

  return async (key) => {
    const cached = links.get(key);
    if (cached !== undefined) return cached;
    const path = `${address.basePath}/${key.split('/').map(encodeURIComponent).join('/')}`;
    const signed = await signer.presign(
      {
        method: 'GET',
        protocol: address.protocol,
        hostname: address.hostname,
        path,
        query: accountId === undefined ? {} : { 'x-amz-expected-bucket-owner': accountId },
        headers: { host: hostOf(address), 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      },
      {
        expiresIn: playbackUrlLifetimeSeconds,
        unhoistableHeaders: new Set(),
        unsignableHeaders: new Set(['x-amz-content-sha256']),
      },
    );
    const link = `${address.protocol}//${hostOf(address)}${path}?${new URLSearchParams(signed.query as Record<string, string>)}`;
    links.set(key, link);
    return link;
  };
}
