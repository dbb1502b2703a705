import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openDeadlines } from '../../src/http/deadlines.ts';
import { deadlineCheckMs } from '../../src/limits.ts';

const slackMs = deadlineCheckMs + 60;

t.test('a wait that ends in time is told so, one that does not is late once, and only then', async (t) => {
  const beginWait = openDeadlines(200);
  const late: string[] = [];
  const endFirst = beginWait(() => late.push('first'));
  const endSecond = beginWait(() => late.push('second'));
  await sleep(50);
  const endThird = beginWait(() => late.push('third'));
  t.equal(endFirst(), true);
  await sleep(200 - 50 - 10);
  t.strictSame(late, []);
  await sleep(10 + slackMs);
  t.ok(late[0] === 'second' && !late.includes('first'));
  t.equal(endSecond(), false, 'was late');
  await sleep(50 + slackMs);
  t.strictSame(late, ['second', 'third']);
  t.equal(endThird(), false);
});

t.test('after all have ended, the next wait has its time, too', async (t) => {
  const beginWait = openDeadlines(50);
  beginWait(() => undefined)();
  await sleep(slackMs);
  let isLate = false;
  beginWait(() => {
    isLate = true;
  });
  await sleep(50 + slackMs);
  t.ok(isLate);
});
