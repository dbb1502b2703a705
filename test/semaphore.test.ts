import { setImmediate as tick } from 'node:timers/promises';
import t from 'tap';
import { type Lease, openSemaphore } from '../src/semaphore.ts';

t.test('leases are granted up to the capacity, then in the order of their requests', async (t) => {
  const semaphore = openSemaphore(2);
  const held = [await semaphore.acquire(), await semaphore.acquire()];
  const order: string[] = [];
  for (const name of ['a', 'b']) semaphore.acquire().then(() => order.push(name));
  t.same([semaphore.free(), semaphore.waiting()], [0, 2]);
  held[0]?.release();
  held[0]?.release();
  await tick();
  t.same(order, ['a'], 'a release counts once');
  held[1]?.release();
  await tick();
  t.same(order, ['a', 'b']);
});

t.test('a waiter that does not fit holds back later ones until it fits or leaves', async (t) => {
  const semaphore = openSemaphore(3);
  const small = await semaphore.acquire(undefined, () => 1);
  const controller = new AbortController();
  const large = semaphore.acquire(controller.signal, () => 3);
  const granted: Lease[] = [];
  semaphore.acquire(undefined, () => 1).then((lease) => granted.push(lease));
  await tick();
  t.equal(granted.length, 0);
  controller.abort(new Error('the client left'));
  await t.rejects(large, { message: 'the client left' });
  await tick();
  t.equal(granted.length, 1);
  small.release();
  granted[0]?.release();
  t.equal(semaphore.free(), 3);
});

t.test('a weight is chosen when the lease is granted', async (t) => {
  const semaphore = openSemaphore(4);
  const first = await semaphore.acquire(undefined, (free) => free);
  t.equal(first.weight, 4);
  const next = semaphore.acquire(undefined, (free) => Math.max(1, free));
  first.release();
  t.equal((await next).weight, 4);
});

t.test('an aborted signal acquires nothing, and failed work returns its lease', async (t) => {
  const semaphore = openSemaphore(1);
  await t.rejects(semaphore.acquire(AbortSignal.abort(new Error('gone'))), { message: 'gone' });
  await t.rejects(
    semaphore.run(async () => {
      throw new Error('failed');
    }),
    { message: 'failed' },
  );
  t.equal(semaphore.free(), 1);
});
