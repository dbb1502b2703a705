import { BlockList, isIP } from 'node:net';

export interface Network {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Loopback, link-local and private networks (RFC 1918, 4193), which are trusted unless TRUSTED_PROXIES is set. */
const privateNetworks =
  '127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, fc00::/7, fe80::/10';

/** Parses a list such as `10.0.0.0/8, 2001:db8::1`. Adds a message to `errors` for each entry that is not a network. */
export function readNetworks(list: string | undefined, errors: string[]): Network[] {
  return (list || privateNetworks).split(',').flatMap((entry) => {
    const network = parseNetwork(entry.trim());
    if (network === undefined)
      errors.push(`Expected TRUSTED_PROXIES to list networks such as 10.0.0.0/8, got ${JSON.stringify(entry.trim())}`);
    return network ?? [];
  });
}

function parseNetwork(entry: string): Network | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const prefixLength = length === undefined ? bits : Number(length);
  if (version === 0 || prefixLength > bits) return undefined;
  return { address, prefixLength, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Returns a function that tests whether an address, in its canonical form, is in one of the networks. */
export function createNetworkTest(networks: readonly Network[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, prefixLength, family } of networks) list.addSubnet(address, prefixLength, family);
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}
