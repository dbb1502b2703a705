import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { responseCacheMaxAgeMs, responseCacheRefreshMs } from '../../src/limits.ts';
import type { CachedResponse } from '../../src/queries/cached-response.ts';
import { type Loaded, openResponseCache } from '../../src/queries/response-cache.ts';
import { openFakeClock } from '../support/fake-clock.ts';

interface Key {
  name: string;
}

/** Opens a cache whose loads end when `loadMs` have passed on the clock, and records when each started. */
function openCounted(loadMs: number, change: (load: number, nowMs: number) => Partial<Loaded> = () => ({})) {
  const clock = openFakeClock();
  const startedAtMs: number[] = [];
  let running = 0;
  let mostRunning = 0;
  const fresh = openResponseCache<Key>(
    ({ name }) => name,
    async ({ name }) => {
      const asOfMs = clock.now();
      startedAtMs.push(asOfMs);
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      if (loadMs > 0) await new Promise<void>((resolve) => clock.startTimer(loadMs, resolve));
      else await nextTurn();
      running -= 1;
      return { value: { name, asOfMs }, ...change(startedAtMs.length, asOfMs) };
    },
    clock,
  );
  return { clock, get: (name: string) => fresh.get({ name }), startedAtMs, mostRunning: () => mostRunning };
}

const asOfMs = (response: CachedResponse) => (JSON.parse(response.bytes.toString()) as { asOfMs: number }).asOfMs;

t.test('a thousand readers at once are one load', async (t) => {
  const { get, startedAtMs } = openCounted(0);
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => get('page')));
  t.equal(startedAtMs.length, 1);
  t.equal(new Set(answers).size, 1);
});

for (const loadMs of [30, responseCacheMaxAgeMs - responseCacheRefreshMs - 1]) {
  t.test(`however many read, with loads of ${loadMs} ms, these begin half a second apart at least`, async (t) => {
    const { clock, get, startedAtMs } = openCounted(loadMs);
    const beganAtMs = clock.now();
    const agesMs: number[] = [];
    while (clock.now() < beganAtMs + 3_000) {
      const answer = get('page');
      if (!(answer instanceof Promise)) agesMs.push(clock.now() - asOfMs(answer));
      // A load starts, and continues after its timer, in microtasks: all of them run before the next turn.
      await nextTurn();
      clock.advance(1);
      await nextTurn();
    }
    t.strictSame(
      startedAtMs.map((at) => at - beganAtMs),
      [0, 1, 2, 3, 4, 5].map((load) => load * responseCacheRefreshMs),
    );
    t.ok(Math.max(...agesMs) < responseCacheMaxAgeMs, `at most ${Math.max(...agesMs)} ms old`);
    t.equal(agesMs.length, 3_000 - loadMs, 'only the readers before the first bytes had to wait');
  });
}

t.test('bytes of the maximum age are not served: the reader waits for the refresh', async (t) => {
  const { clock, get, startedAtMs } = openCounted(0);
  const first = await get('page');
  clock.advance(responseCacheMaxAgeMs - 1);
  t.equal(get('page'), first, 'a millisecond before');
  clock.advance(1);
  const answers = await Promise.all([get('page'), get('page')]);
  t.equal(startedAtMs.length, 2);
  t.ok(answers.every((answer) => asOfMs(answer) > asOfMs(first)));
});

t.test('loads of many keys take turns', async (t) => {
  const { get, startedAtMs, mostRunning } = openCounted(0);
  await Promise.all(Array.from({ length: 50 }, (_, i) => get(`page ${i % 25}`)));
  t.equal(startedAtMs.length, 25);
  t.equal(mostRunning(), 1);
});

t.test(
  'a failed load rejects for its readers, is not repeated at once, and leaves the last bytes in use',
  async (t) => {
    const clock = openFakeClock();
    let fails = true;
    let loads = 0;
    const { get } = openResponseCache<Key>(
      ({ name }) => name,
      async () => {
        loads += 1;
        if (fails) throw new Error('no database');
        return { value: 1 };
      },
      clock,
    );
    for (let i = 0; i < 100; i += 1)
      await t.rejects(Promise.resolve(get({ name: 'page' })), { message: 'no database' });
    t.equal(loads, 1);
    fails = false;
    clock.advance(responseCacheRefreshMs);
    await t.rejects(Promise.resolve(get({ name: 'page' })), { message: 'no database' });
    clock.advance(1);
    t.equal((await get({ name: 'page' })).bytes.toString(), '1');
    fails = true;
    clock.advance(responseCacheRefreshMs);
    t.equal((await get({ name: 'page' })).bytes.toString(), '1', 'still good for half a second');
    await nextTurn();
    t.equal(loads, 3, 'though its refresh failed');
    t.equal((await get({ name: 'page' })).bytes.toString(), '1');
    t.equal(loads, 3, 'which is not repeated at once');
  },
);

t.test('data that is older than its load counts as old as it is', async (t) => {
  const { get, startedAtMs } = openCounted(0, (load, nowMs) =>
    load === 1 ? { asOfMs: nowMs - responseCacheMaxAgeMs } : {},
  );
  await get('page');
  await get('page');
  t.equal(startedAtMs.length, 2);
});

t.test(
  'each encoding is made once for all readers, has an ETag of its own, and is kept while the bytes stay the same',
  async (t) => {
    const value = Array.from({ length: 200 }, (_, i) => ({ position: i + 1, username: 'Ana Ruiz' }));
    const clock = openFakeClock();
    const { get } = openResponseCache<Key>(
      ({ name }) => name,
      async () => ({ value, headers: [['Link', '<next>']] }),
      clock,
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
    clock.advance(responseCacheMaxAgeMs);
    const second = await get({ name: 'page' });
    t.equal(second.variant('br'), br, 'not made again');
  },
);
