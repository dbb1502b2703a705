import { join } from 'node:path';
import t from 'tap';
import { compareReports, findIncomparable, renderDifferences } from '../../capacity_planning/lib/compare.ts';
import type { CapacityReport } from '../../capacity_planning/lib/report-schema.ts';
import { keepReport } from '../../capacity_planning/lib/run-plan.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeFolder, runTestbed, step } from '../capacity/testbed.ts';
import { openSink } from '../k6/sink.ts';

t.test('gate detects a slowdown of 20 %, and no regression in a run of the same build', async (t) => {
  let delayMs = 60;
  const { url } = await openSink(t, () => ({ delayMs }));
  const testbed = { url, scenarios: `{ ${step('steady', { rate: 60, seconds: 3 })} }` };
  const first = await runTestbed(t, testbed);
  const second = await runTestbed(t, testbed);
  const again = await runTestbed(t, testbed);
  delayMs = 72;
  const slower = await runTestbed(t, testbed);

  const keep = (report: CapacityReport) => {
    const folder = makeFolder(t);
    keepReport(folder, report);
    return folder;
  };
  const repeats = [first, second].flatMap((report) => ['--baseline-repeat', keep(report)]);
  const main = join(rootFolder, 'dist', 'capacity_planning', 'main.js');
  const gate = (report: CapacityReport) =>
    tryTool(process.execPath, [main, 'gate', keep(first), keep(report), ...repeats], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
  const same = await gate(again);
  t.equal(same.code, 0, same.output);
  const caught = await gate(slower);
  t.equal(caught.code, 4, caught.output);
  const found = compareReports(first, slower, [first, second]);
  const median = found.find(({ metric }) => metric === 'p50');
  t.equal(median?.isRegression, true, JSON.stringify(median));
  t.ok(Math.abs((median?.ratio ?? 0) - 1.2) < 0.06, `${median?.ratio}`);
  t.match(renderDifferences(found), /\| steady \| p50 ms .* WORSE \|/);

  const withErrors = structuredClone(second);
  for (const each of withErrors.steps) each.errorShare = 0.1;
  const worse = compareReports(first, withErrors, [first, second]).filter(({ isRegression }) => isRegression);
  t.strictSame(
    worse.map(({ metric }) => metric),
    ['succeeded'],
    'errors are reported as a regression of successes',
  );
  const thinner = structuredClone(second);
  for (const each of thinner.steps) each.completedPerSecond *= 0.4;
  const fewer = compareReports(first, thinner, [first, second]).find(({ metric }) => metric === 'completed');
  t.equal(fewer?.isRegression, true, JSON.stringify(fewer));

  const alone = compareReports(first, slower);
  t.ok(
    alone.every(({ noise, isRegression }) => noise === undefined && !isRegression),
    'without baseline repeats nothing is a regression',
  );
  const early = structuredClone(again);
  for (const each of early.steps) each.samples = 0;
  const stopped = await gate(early);
  t.equal(stopped.code, 4, stopped.output);
  t.match(stopped.output, /WORSE: step steady was not reached/);

  const itself = await tryTool(process.execPath, [
    main,
    'gate',
    keep(first),
    keep(again),
    ...repeats.slice(0, 2),
    ...repeats.slice(0, 2),
  ]);
  t.equal(itself.code, 3, itself.output);
  t.match(itself.output, /INVALID: .* is given by --baseline-repeat twice/);

  t.strictSame(findIncomparable(first, slower), []);
  const other = await gate({ ...slower, scriptSha256: 'other' });
  t.equal(other.code, 3, other.output);
  const elsewhere = { ...slower, machine: { ...slower.machine, processors: 64 }, scriptSha256: 'other' };
  t.match(findIncomparable(first, elsewhere).join('\n'), /script differs: .*\nmachine differs: .*64 x/);
});
