import { LRUCache } from 'lru-cache';
import { playbackUrlLifetimeSeconds, playbackUrlRefreshSeconds, playbackUrlsMax } from '../limits.ts';
import type { S3Connection } from './client.ts';
import { addressOf, hostOf, openSigner } from './signer.ts';

export type PresignGet = (key: string) => Promise<string>;

/**
 * Links that anybody may GET for `playbackUrlLifetimeSeconds`, at the least for that less `playbackUrlRefreshSeconds`.
 * The same key gives the same link until then, so that a browser's cache and our prepared bytes stay good.
 */
export function openPresigner(connection: S3Connection): PresignGet {
  const address = addressOf(connection);
  const signer = openSigner(connection);
  const links = new LRUCache<string, string>({ max: playbackUrlsMax, ttl: playbackUrlRefreshSeconds * 1000 });
  const { accountId } = connection.config;

  return async (key) => {
    const known = links.get(key);
    if (known !== undefined) return known;
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
