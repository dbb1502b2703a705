import t from 'tap';
import { openSink } from '../k6/sink.ts';
import { runRig, step } from './rig.ts';

t.test('a backlog counts in the step that serves it, whichever began it', async (t) => {
  const { url } = await openSink(t, () => ({ delayMs: 1500 }));
  const scenarios = `{ ${step('full', { rate: 40 })}, ${step('after', { rate: 2, seconds: 2, startSeconds: 1 })} }`;
  const { steps } = await runRig(t, { url, scenarios });
  const [full, after] = steps;
  t.equal(full?.completedPerSecond, 0, 'nothing ends within its second');
  t.ok((after?.completedPerSecond ?? 0) >= 20, `${after?.completedPerSecond}/s end in the two seconds after it`);
  t.ok((after?.meanInFlight ?? 0) > 19, `${after?.meanInFlight} under way, nearly all of the step before`);
});
