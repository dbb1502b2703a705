import { isIPv4, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config.ts';
import { understoodTextsMax } from '../limits.ts';
import { createNetworkTest } from '../trusted-networks.ts';
import { type HttpRequest, readRemoteAddress, type Transport } from './uws.ts';

export type ReadClient = ReturnType<typeof openClientReader>;

export interface Client {
  readonly address: string;
  /** The client is on this machine: the socket's other end is, and nothing was forwarded. */
  readonly isLocal: boolean;
}

/**
 * Reads whose request this is: what the outermost trusted balancer saw, which is the entry of X-Forwarded-For that many places
 * from its end; everything before that was written by the client. The header counts only where the socket's other end is in a
 * trusted network; else, and without so many entries, the socket's other end is the client. `onUntrusted` is called for the
 * first request that carries the header and is not trusted.
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
    // A balancer may add a line of its own behind the client's.
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

/** What limits are counted by: an IPv4 address, or the network of an IPv6 one, since one customer has all of that. */
export function toLimitKey(address: string): string {
  return isIPv6(address) ? firstGroups(address, 4) : address;
}

/** Some addresses that are likely to be of one place: a /24 of IPv4, a /48 of IPv6. What the security log shows of an address. */
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

/** IPv4 inside IPv6 is IPv4; IPv6 has its shortest spelling. */
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
