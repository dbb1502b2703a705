import t from 'tap';
import { chooseForwarded, isLoopback, toLimitKey, toNetworkKey, toOneSpelling } from '../../src/http/client-address.ts';

t.test('only what the trusted balancers have added counts, from the end', async (t) => {
  const forged = '127.0.0.1, 10.0.0.1, 203.0.113.7, 198.51.100.2';
  t.equal(chooseForwarded(forged, 1), '198.51.100.2');
  t.equal(chooseForwarded(forged, 2), '203.0.113.7');
  t.equal(chooseForwarded('203.0.113.7:4711', 1), '203.0.113.7');
  t.equal(chooseForwarded('[2001:db8::1]:4711', 1), '2001:db8::1');
  t.equal(chooseForwarded('', 1), undefined);
  t.equal(chooseForwarded('203.0.113.7', 2), undefined);
  t.equal(chooseForwarded('203.0.113.7, unknown', 1), undefined);
});

t.test('an address has one spelling', async (t) => {
  for (const [given, expected] of [
    ['203.0.113.7', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['2001:0DB8:0:0::1', '2001:db8::1'],
  ] as const)
    t.equal(toOneSpelling(given), expected);
  t.ok(isLoopback('127.9.9.9') && isLoopback('::1'));
  t.notOk(isLoopback('128.0.0.1') || isLoopback('1270.0.0.1') || isLoopback('::2'));
});

t.test('an IPv6 customer is his network, whatever address of it he uses', async (t) => {
  const one = toLimitKey('2001:db8:1:2::1');
  t.equal(one, toLimitKey('2001:db8:1:2:ffff:ffff:ffff:ffff'));
  t.equal(one, '2001:db8:1:2');
  t.not(one, toLimitKey('2001:db8:1:3::1'));
  t.equal(toLimitKey('2001:db8::1'), '2001:db8:0:0');
  t.equal(toLimitKey('203.0.113.7'), '203.0.113.7');
});

t.test('a network is a /24 of IPv4 and a /48 of IPv6', async (t) => {
  t.equal(toNetworkKey('203.0.113.7'), '203.0.113.0/24');
  t.equal(toNetworkKey('2001:db8:1:2::1'), '2001:db8:1::/48');
  t.equal(toNetworkKey('2001:db8::1'), '2001:db8:0::/48');
  t.equal(toNetworkKey('::1'), '0:0:0::/48');
});
