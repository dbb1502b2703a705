import t from 'tap';
import { chooseEncoding } from '../../src/http/encoding.ts';

t.test('the best of what the client takes', async (t) => {
  for (const [header, encoding] of [
    ['', 'identity'],
    ['identity', 'identity'],
    ['deflate', 'identity'],
    ['gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['GZIP', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['gzip;q=0, br;q=0', 'identity'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['identity;q=1, gzip;q=0.5', 'identity'],
    ['gzip;q=x', 'identity'],
  ] as const) {
    t.equal(chooseEncoding(header), encoding, header);
    t.equal(chooseEncoding(header), encoding, `${header} again`);
  }
});
