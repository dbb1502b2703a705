import t from 'tap';
import { openApi } from '../acceptance/support.ts';

const { call } = await openApi(t);

t.test('/docs is a page whose every asset comes from the process itself', async (t) => {
  const page = await call('GET', '/docs');
  t.equal(page.status, 200);
  t.match(page.headers['content-type'], /^text\/html/);
  const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address);
  t.ok(assets.length >= 3, 'a script, a style sheet and an icon at least');
  for (const address of assets) {
    t.match(address, /^\/[^/]/, 'an address of our own');
    const asset = await call('GET', address);
    t.equal(asset.status, 200, address);
    t.ok(asset.bytes.length > 0);
    const type = address.endsWith('.js') ? /javascript/ : address.endsWith('.css') ? /text\/css/ : /^image\//;
    t.match(asset.headers['content-type'], type);
  }
});

t.test('the page forbids the browser to load anything from elsewhere', async (t) => {
  const policy = String((await call('GET', '/docs')).headers['content-security-policy']);
  t.match(policy, /default-src 'self'/);
  t.notMatch(policy, /https?:|\*/);
});

t.test('the style sheet names nothing elsewhere', async (t) => {
  const page = await call('GET', '/docs');
  const [, sheet = ''] = /href="([^"]+\.css)"/.exec(page.text) ?? [];
  const { text } = await call('GET', sheet);
  t.notMatch(text, /url\(["']?(?:https?:)?\/\//);
  t.notMatch(text, /@import/);
});

t.test('the page shows the document that is served', async (t) => {
  const page = await call('GET', '/docs');
  const scripts = [...page.text.matchAll(/src="([^"]+)"/g)].map(([, address = '']) => address);
  const own = await Promise.all(scripts.map(async (address) => (await call('GET', address)).text));
  t.ok(
    own.some((text) => text.length < 5_000 && text.includes('/openapi.json')),
    'a script of ours names it',
  );
  t.equal((await call('GET', '/openapi.json')).status, 200);
});

t.test('/redoc leads to the same document', async (t) => {
  const answer = await call('GET', '/redoc');
  t.ok([301, 302, 303, 307, 308].includes(answer.status), `${answer.status}`);
  t.equal((await call('GET', String(answer.headers['location']))).text, (await call('GET', '/docs')).text);
});
