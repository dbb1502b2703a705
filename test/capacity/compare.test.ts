import t from 'tap';
import { compareReports, findIncomparable, renderDifferences } from '../../capacity_planning/lib/compare.ts';
import { openSink } from '../k6/sink.ts';
import { runRig, step } from './rig.ts';

t.test('a slowdown of 20 % is caught, a run of the same thing is not', async (t) => {
  let delayMs = 60;
  const { url } = await openSink(t, () => ({ delayMs }));
  const rig = { url, scenarios: `{ ${step('steady', { rate: 60, seconds: 3 })} }` };
  const first = await runRig(t, rig);
  const second = await runRig(t, rig);
  const again = await runRig(t, rig);
  delayMs = 72;
  const slower = await runRig(t, rig);

  const same = compareReports(first, again, [first, second]);
  t.strictSame(
    same.filter(({ isRegression, metric }) => isRegression && metric === 'p50'),
    [],
  );
  const found = compareReports(first, slower, [first, second]);
  const median = found.find(({ metric }) => metric === 'p50');
  t.equal(median?.isRegression, true, JSON.stringify(median));
  t.ok(Math.abs((median?.ratio ?? 0) - 1.2) < 0.06, `${median?.ratio}`);
  t.match(renderDifferences(found), /\| steady \| p50 .* SLOWER \|/);

  t.strictSame(findIncomparable(first, slower), []);
  const elsewhere = { ...slower, machine: { ...slower.machine, processors: 64 }, scriptSha256: 'other' };
  t.match(findIncomparable(first, elsewhere).join('\n'), /script differs: .*\nmachine differs: .*64 x/);
});
