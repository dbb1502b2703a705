import t from 'tap';
import { openRequestTimeouts } from '../../src/http/request-timeouts.ts';
import { deadlineCheckMs } from '../../src/limits.ts';
import { openFakeClock } from '../support/fake-clock.ts';

const deadlineMs = 10_000;

t.test('a wait that ends in time is told so, one that does not is late once, and only then', async (t) => {
  const clock = openFakeClock();
  const startTimeout = openRequestTimeouts(deadlineMs, clock);
  const late: string[] = [];
  const endFirst = startTimeout(() => late.push('first'));
  const endSecond = startTimeout(() => late.push('second'));
  clock.advance(1_000);
  const endThird = startTimeout(() => late.push('third'));
  t.equal(endFirst(), true);
  clock.advance(deadlineMs - 1_000 - 1);
  t.strictSame(late, [], 'not a millisecond early');
  clock.advance(1 + deadlineCheckMs);
  t.strictSame(late, ['second']);
  t.equal(endSecond(), false, 'was late');
  clock.advance(1_000);
  t.strictSame(late, ['second', 'third']);
  t.equal(endThird(), false);
  clock.advance(10 * deadlineMs);
  t.strictSame(late, ['second', 'third'], 'once');
});

t.test('after all have ended, the next wait has its time, too', async (t) => {
  const clock = openFakeClock();
  const startTimeout = openRequestTimeouts(deadlineMs, clock);
  startTimeout(() => undefined)();
  clock.advance(deadlineCheckMs);
  t.equal(clock.timerCount(), 0, 'no timer runs while nothing waits');
  let isLate = false;
  startTimeout(() => {
    isLate = true;
  });
  clock.advance(deadlineMs - 1);
  t.notOk(isLate);
  clock.advance(1 + deadlineCheckMs);
  t.ok(isLate);
});
