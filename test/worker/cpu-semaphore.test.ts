import { setImmediate as tick } from 'node:timers/promises';
import t from 'tap';
import type { Lease } from '../../src/semaphore.ts';
import { openCpuSemaphore } from '../../worker/cpu-semaphore.ts';

const never = new AbortController().signal;

t.test('the only active job gets every core, concurrent jobs get one each', async (t) => {
  const semaphore = openCpuSemaphore(2);
  const alone = await semaphore.acquire(() => true, never);
  t.equal(alone.weight, 2);
  alone.release();
  const first = await semaphore.acquire(() => false, never);
  const second = await semaphore.acquire(() => false, never);
  t.same([first.weight, second.weight], [1, 1]);
});

t.test('leases never exceed the cores, and waiting jobs get theirs in order', async (t) => {
  const semaphore = openCpuSemaphore(2);
  const alone = await semaphore.acquire(() => true, never);
  const order: string[] = [];
  const leases: Lease[] = [];
  for (const name of ['a', 'b', 'c']) {
    semaphore
      .acquire(() => false, never)
      .then((lease) => {
        order.push(name);
        leases.push(lease);
      });
  }
  await tick();
  t.same(order, []);
  alone.release();
  alone.release();
  await tick();
  t.same(order, ['a', 'b'], 'a release counts once');
  leases[0]?.release();
  await tick();
  t.same(order, ['a', 'b', 'c']);
});

t.test('an aborted wait lets the next job through', async (t) => {
  const semaphore = openCpuSemaphore(1);
  const held = await semaphore.acquire(() => true, never);
  const controller = new AbortController();
  const abandoned = semaphore.acquire(() => true, controller.signal);
  const next = semaphore.acquire(() => true, never);
  controller.abort(new Error('gone'));
  await t.rejects(abandoned, { message: 'gone' });
  held.release();
  t.equal((await next).weight, 1);
});

t.test('a job that can use fewer threads than there are leaves the rest to others', async (t) => {
  const semaphore = openCpuSemaphore(16);
  const alone = await semaphore.acquire(() => true, never, 8);
  t.equal(alone.weight, 8);
  t.equal((await semaphore.acquire(() => false, never, 8)).weight, 1);
  t.equal((await openCpuSemaphore(16, 12).acquire(() => true, never, 8)).weight, 8);
});

t.test('with a fixed number every job waits for as many threads', async (t) => {
  const semaphore = openCpuSemaphore(2, 2);
  const first = await semaphore.acquire(() => false, never);
  t.equal(first.weight, 2);
  const next = semaphore.acquire(() => true, never);
  first.release();
  t.equal((await next).weight, 2);
  t.equal((await openCpuSemaphore(2, 1).acquire(() => true, never)).weight, 1);
  t.equal((await openCpuSemaphore(2, 9).acquire(() => true, never)).weight, 2, 'never more than there are');
});
