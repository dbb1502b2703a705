import { isIPv4, isIPv6 } from 'node:net';
import { type HttpRequest, readRemoteAddress, type Transport } from './uws.ts';

/**
 * Whose request this is: what the outermost trusted balancer saw, which is the entry of X-Forwarded-For that many places
 * from its end; everything before that was written by the client. Without so many entries the request did not come through
 * the balancers, and the socket's other end is the client. Must be called inside the route's own handler.
 */
export function readClientAddress(transport: Transport, req: HttpRequest, trustedHops: number): string {
  const socketAddress = readRemoteAddress(transport);
  if (trustedHops === 0) return toOneSpelling(socketAddress);
  const lines: string[] = [];
  // A balancer may add a line of its own behind the client's.
  req.forEach((name, value) => {
    if (name === 'x-forwarded-for') lines.push(value);
  });
  return toOneSpelling(chooseForwarded(lines.join(','), trustedHops) ?? socketAddress);
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
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - tailGroups.length;
  return [...groups, ...Array<string>(zeros).fill('0'), ...tailGroups].slice(0, 4).join(':');
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
