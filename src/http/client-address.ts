import { isIPv4, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config.ts';
import { understoodTextsMax } from '../limits.ts';
import { createNetworkTest } from '../trusted-networks.ts';
import { type HttpRequest, readRemoteAddress, type Transport } from './uws.ts';

export type ReadClient = ReturnType<typeof openClientReader>;

export interface Client {
  readonly address: string;
  /** True if the client is on this machine: the socket's peer is, and the request was not forwarded. */
  readonly isLocal: boolean;
}

/**
 * Returns a function that reads the address of a request's client: the address that the outermost trusted proxy saw, the entry of
 * X-Forwarded-For that is `trustedHops` from its end, since the client can write all entries before. If the socket's peer is not
 * in a trusted network, or the header has too few entries, the peer is the client. `onUntrusted` is called for the first request
 * with the header from an untrusted peer.
 */
export function openClientReader(
  { trustedHops, trustedProxies }: Pick<Config, 'trustedHops' | 'trustedProxies'>,
  onUntrusted: (peer: string) => void,
) {
  const isTrusted = createNetworkTest(trustedProxies);
  const peers = new LRUCache<string, { address: string; isLocal: boolean; isTrusted: boolean }>({
    max: understoodTextsMax,
  });
  let isWarned = false;

  function readPeer(transport: Transport) {
    const text = readRemoteAddress(transport);
    const known = peers.get(text);
    if (known !== undefined) return known;
    const address = toOneSpelling(text);
    const peer = { address, isLocal: isLoopback(address), isTrusted: trustedHops > 0 && isTrusted(address) };
    peers.set(text, peer);
    return peer;
  }

  /** Must be called inside the route's own handler. */
  return (transport: Transport, req: HttpRequest): Client => {
    const peer = readPeer(transport);
    if (!peer.isTrusted) {
      if (!isWarned && req.getHeader('x-forwarded-for') !== '') {
        isWarned = true;
        onUntrusted(peer.address);
      }
      return peer;
    }
    const lines: string[] = [];
    // A proxy may add a header line of its own after the client's.
    req.forEach((name, value) => {
      if (name === 'x-forwarded-for') lines.push(value);
    });
    const forwarded = chooseForwarded(lines.join(','), trustedHops);
    return forwarded === undefined ? peer : { address: toOneSpelling(forwarded), isLocal: false };
  };
}

export function chooseForwarded(forwardedFor: string, trustedHops: number): string | undefined {
  const entry = forwardedFor.split(',').at(-trustedHops)?.trim() ?? '';
  const address = withoutPort(entry);
  return isIPv4(address) || isIPv6(address) ? address : undefined;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address);
}

/** Returns the key of rate limits: an IPv4 address, or the /64 of an IPv6 one, since one customer has all of it. */
export function toLimitKey(address: string): string {
  return isIPv6(address) ? firstGroups(address, 4) : address;
}

/** Returns the network of an address for the security log: the /24 of IPv4 or the /48 of IPv6, likely to be of one site. */
export function toNetworkKey(address: string): string {
  if (isIPv6(address)) return `${firstGroups(address, 3)}::/48`;
  return isIPv4(address) ? `${address.slice(0, address.lastIndexOf('.'))}.0/24` : address;
}

function firstGroups(address: string, count: number): string {
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - tailGroups.length;
  return [...groups, ...Array<string>(zeros).fill('0'), ...tailGroups].slice(0, count).join(':');
}

/** Returns the canonical form of an address: IPv4 for an IPv4-mapped one, otherwise the shortest form of IPv6. */
export function toOneSpelling(address: string): string {
  if (!isIPv6(address)) return address;
  const short = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const bits = (Number.parseInt(mapped[1] as string, 16) << 16) | Number.parseInt(mapped[2] as string, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function withoutPort(entry: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(entry);
  if (bracketed !== null) return bracketed[1] as string;
  return /^[\d.]+:\d+$/.test(entry) ? entry.slice(0, entry.indexOf(':')) : entry;
}
