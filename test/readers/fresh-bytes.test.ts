import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { freshBytesMaxAgeMs, freshBytesRefreshMs } from '../../src/limits.ts';
import { type Loaded, openFreshBytes } from '../../src/readers/fresh-bytes.ts';
import type { Prepared } from '../../src/readers/prepared.ts';

interface Key {
  name: string;
}

/** Loads that take `loadMs` and say when they began. */
function openCounted(loadMs: number, change: (load: number) => Partial<Loaded> = () => ({})) {
  const startedAtMs: number[] = [];
  let running = 0;
  let mostRunning = 0;
  const fresh = openFreshBytes<Key>(
    ({ name }) => name,
    async ({ name }) => {
      startedAtMs.push(performance.now());
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      await sleep(loadMs);
      running -= 1;
      return { value: { name, asOfMs: startedAtMs.at(-1) }, ...change(startedAtMs.length) };
    },
  );
  return { get: (name: string) => fresh.get({ name }), startedAtMs, mostRunning: () => mostRunning };
}

const asOfMs = (prepared: Prepared) => (JSON.parse(prepared.bytes.toString()) as { asOfMs: number }).asOfMs;

t.test('a thousand readers at once are one load', async (t) => {
  const { get, startedAtMs } = openCounted(20);
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => get('page')));
  t.equal(startedAtMs.length, 1);
  t.equal(new Set(answers).size, 1);
});

t.test('however many read, loads begin half a second apart and nothing older than a second is given out', async (t) => {
  const { get, startedAtMs } = openCounted(30);
  let oldestMs = 0;
  const endsAtMs = performance.now() + 3_000;
  while (performance.now() < endsAtMs) {
    const answer = await get('page');
    oldestMs = Math.max(oldestMs, performance.now() - asOfMs(answer));
    await sleep(2);
  }
  t.ok(startedAtMs.length >= 4 && startedAtMs.length <= 7, `${startedAtMs.length} loads in 3 s`);
  const gaps = startedAtMs.slice(1).map((at, i) => at - (startedAtMs[i] as number));
  t.ok(Math.min(...gaps) >= freshBytesRefreshMs - 1, `${Math.min(...gaps)} ms apart`);
  t.ok(oldestMs <= freshBytesMaxAgeMs + 20, `${oldestMs} ms old`);
});

t.test('bytes of that age are waited for, not served: the reader joins the refresh', async (t) => {
  const { get, startedAtMs } = openCounted(5);
  const first = await get('page');
  await sleep(freshBytesMaxAgeMs);
  const answers = await Promise.all([get('page'), get('page')]);
  t.equal(startedAtMs.length, 2);
  t.ok(answers.every((answer) => asOfMs(answer) > asOfMs(first)));
});

t.test('loads of many keys take turns', async (t) => {
  const { get, startedAtMs, mostRunning } = openCounted(2);
  await Promise.all(Array.from({ length: 50 }, (_, i) => get(`page ${i % 25}`)));
  t.equal(startedAtMs.length, 25);
  t.equal(mostRunning(), 1);
});

t.test('a failed load is told to its readers, is not repeated at once, and leaves the last bytes in use', async (t) => {
  let fails = true;
  let loads = 0;
  const { get } = openFreshBytes<Key>(
    ({ name }) => name,
    async () => {
      loads += 1;
      if (fails) throw new Error('no database');
      return { value: 1 };
    },
  );
  for (let i = 0; i < 100; i += 1) await t.rejects(Promise.resolve(get({ name: 'page' })), { message: 'no database' });
  t.equal(loads, 1);
  fails = false;
  await sleep(freshBytesRefreshMs + 20);
  t.equal((await get({ name: 'page' })).bytes.toString(), '1');
  fails = true;
  await sleep(freshBytesRefreshMs + 20);
  t.equal((await get({ name: 'page' })).bytes.toString(), '1', 'still good for half a second');
});

t.test('data that is older than its load counts as old as it is', async (t) => {
  const { get, startedAtMs } = openCounted(1, (load) =>
    load === 1 ? { asOfMs: performance.now() - freshBytesMaxAgeMs } : {},
  );
  await get('page');
  await get('page');
  t.equal(startedAtMs.length, 2);
});

t.test(
  'each encoding is made once for all readers, has an ETag of its own, and is kept while the bytes stay the same',
  async (t) => {
    const value = Array.from({ length: 200 }, (_, i) => ({ position: i + 1, username: 'Ana Ruiz' }));
    const { get } = openFreshBytes<Key>(
      ({ name }) => name,
      async () => ({ value, headers: [['Link', '<next>']] }),
    );
    const first = await get({ name: 'page' });
    const [a, b] = await Promise.all([first.variant('gzip'), first.variant('gzip')]);
    t.equal(a, b);
    t.ok(a.bytes.length < first.bytes.length / 2);
    const br = await first.variant('br');
    t.equal(new Set([first.etag, a.etag, br.etag]).size, 3);
    for (const variant of [first, a, br]) {
      t.strictSame(Object.fromEntries(variant.headers)['Vary'], 'Accept-Encoding');
      t.strictSame(Object.fromEntries(variant.headers)['Link'], '<next>');
    }
    await sleep(freshBytesMaxAgeMs + 20);
    const second = await get({ name: 'page' });
    t.equal(second.variant('br'), br, 'not made again');
  },
);
