import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readRehearsal } from '../../capacity_planning/rehearsal/write-rehearsal.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeFolder } from '../capacity/testbed.ts';

const skip =
  process.getuid?.() === 0 && existsSync('/sys/fs/cgroup') ? false : 'needs root, for control groups and HAProxy';

t.test('a brief rehearsal loses nothing while instances are replaced, and makes no claim', { skip }, async (t) => {
  const folder = makeFolder(t);
  const main = join(rootFolder, 'dist', 'capacity_planning', 'main.js');
  const { code, output } = await tryTool(process.execPath, [main, 'rehearse', '--brief', '--out', folder], {
    timeoutMs: 240_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.equal(code, 3, output);
  const { keepAlive, drain, scaling, fixedSizes, judgement } = readRehearsal(folder);
  t.equal(judgement.verdict, 'INVALID');
  t.match(judgement.reasons.map(({ rule }) => rule).join(), /too-few-samples/);
  t.ok(keepAlive.requests > 20, `${keepAlive.requests} requests after a pause`);
  t.strictSame([keepAlive.badGateways, keepAlive.otherFailures], [0, 0]);
  t.ok(drain.votes.accepted > 0 && drain.uploads.accepted > 0);
  for (const { asked, accepted, stored } of [drain.votes, drain.uploads])
    t.strictSame([accepted, stored], [asked, asked]);
  t.equal(drain.wrongCounters, 0);
  t.ok(drain.exitCodes.length >= 1);
  t.strictSame(
    drain.exitCodes.filter((exitCode) => exitCode !== 0),
    [],
  );
  t.strictSame(
    fixedSizes.map(({ instances }) => instances),
    [1, 2, 3],
  );
  t.ok(scaling.periods.length > 10);
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  t.match(page, /The figures below are not a capacity/);
  t.equal(page.match(/<svg/g)?.length, 4);
  t.notMatch(page, /(src|href)=/, 'the page loads no other file');
  t.notOk(existsSync(join(folder, 'cloudformation-parameters.json')), 'no parameters are written');
});
