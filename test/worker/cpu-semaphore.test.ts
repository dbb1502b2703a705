import { setImmediate as tick } from 'node:timers/promises';
import t from 'tap';
import { type CpuLease, openCpuSemaphore } from '../../worker/cpu-semaphore.ts';

const never = new AbortController().signal;

t.test('a single job gets every core, two jobs get one each', async (t) => {
  const budget = openCpuSemaphore(2);
  const alone = await budget.acquire(() => true, never);
  t.equal(alone.threads, 2);
  alone.release();
  const first = await budget.acquire(() => false, never);
  const second = await budget.acquire(() => false, never);
  t.same([first.threads, second.threads], [1, 1]);
});

t.test('never more threads than cores: the next waits, in the order asked', async (t) => {
  const budget = openCpuSemaphore(2);
  const alone = await budget.acquire(() => true, never);
  const order: string[] = [];
  const shares: CpuLease[] = [];
  for (const name of ['a', 'b', 'c']) {
    budget
      .acquire(() => false, never)
      .then((share) => {
        order.push(name);
        shares.push(share);
      });
  }
  await tick();
  t.same(order, []);
  alone.release();
  alone.release();
  await tick();
  t.same(order, ['a', 'b'], 'a release counts once');
  shares[0]?.release();
  await tick();
  t.same(order, ['a', 'b', 'c']);
});

t.test('a job that gives up waiting lets the next one through', async (t) => {
  const budget = openCpuSemaphore(1);
  const held = await budget.acquire(() => true, never);
  const controller = new AbortController();
  const given = budget.acquire(() => true, controller.signal);
  const next = budget.acquire(() => true, never);
  controller.abort(new Error('gone'));
  await t.rejects(given, { message: 'gone' });
  held.release();
  t.equal((await next).threads, 1);
});

t.test('a job that can use fewer threads than there are leaves the rest to others', async (t) => {
  const budget = openCpuSemaphore(16);
  const alone = await budget.acquire(() => true, never, 8);
  t.equal(alone.threads, 8);
  t.equal((await budget.acquire(() => false, never, 8)).threads, 1);
  t.equal((await openCpuSemaphore(16, 12).acquire(() => true, never, 8)).threads, 8);
});

t.test('a fixed number is given to everybody, and waited for', async (t) => {
  const budget = openCpuSemaphore(2, 2);
  const first = await budget.acquire(() => false, never);
  t.equal(first.threads, 2);
  const next = budget.acquire(() => true, never);
  first.release();
  t.equal((await next).threads, 2);
  t.equal((await openCpuSemaphore(2, 1).acquire(() => true, never)).threads, 1);
  t.equal((await openCpuSemaphore(2, 9).acquire(() => true, never)).threads, 2, 'never more than there are');
});
