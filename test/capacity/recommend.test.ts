import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { describeRehearsal } from '../../capacity_planning/rehearsal/describe-rehearsal.ts';
import { readDemand, readPrices } from '../../capacity_planning/rehearsal/inputs.ts';
import { judgeRehearsal } from '../../capacity_planning/rehearsal/judge-rehearsal.ts';
import { recommend, toCloudFormation } from '../../capacity_planning/rehearsal/recommend.ts';
import type { RehearsalReport } from '../../capacity_planning/rehearsal/rehearsal-schema.ts';
import { readRehearsal } from '../../capacity_planning/rehearsal/write-rehearsal.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';

const reports = join(rootFolder, 'capacity_planning', 'reports');
const newest = join(reports, readdirSync(reports).sort().at(-1) ?? '');
const real = readRehearsal(newest);
const prices = readPrices();
const demand = readDemand();

/** The report without any finding. */
const sound: RehearsalReport = {
  ...real,
  fixedSizes: real.fixedSizes.map((size) => ({
    ...size,
    points: 9,
    rmsShare: 0.02,
    halfPrediction: { predicted: 100, measured: 104 },
    reasons: [],
    verdict: 'PASS' as const,
    busiestShare: 1,
  })),
  uploads: { ...real.uploads, asked: 31, uploads: 31, reasons: [] },
  keepAlive: { ...real.keepAlive, badGateways: 0, otherFailures: 0 },
  scaling: { ...real.scaling, scaleOutSeconds: 420, simulatedScaleOutSeconds: 360, scaleInSeconds: 960, reasons: [] },
  drain: {
    ...real.drain,
    exitCodes: [0, 0],
    wrongCounters: 0,
    reasons: [],
    votes: { asked: 9, accepted: 9, stored: 9 },
    uploads: { asked: 3, accepted: 3, stored: 3 },
  },
};

t.test('the committed report has the verdict of its raw figures', (t) => {
  const { verdict } = judgeRehearsal(real);
  t.match(readFileSync(join(newest, 'report.md'), 'utf8'), new RegExp(`^# ${verdict}: `));
  t.equal(
    (JSON.parse(readFileSync(join(newest, 'configuration.json'), 'utf8')) as { verdict: string }).verdict,
    verdict,
  );
  t.end();
});

t.test('a rehearsal fails if something is lost, stored twice, interrupted or predicted wrongly', (t) => {
  t.equal(judgeRehearsal(sound).verdict, 'PASS');
  const rulesOf = (change: Partial<RehearsalReport>) => {
    const { verdict, reasons } = judgeRehearsal({ ...sound, ...change });
    return `${verdict} ${reasons.map(({ rule }) => rule).join(' ')}`;
  };
  const [one, ...others] = sound.fixedSizes as [RehearsalReport['fixedSizes'][number]];
  t.equal(rulesOf({ keepAlive: { ...sound.keepAlive, badGateways: 1 } }), 'FAIL keep-alive');
  t.equal(rulesOf({ drain: { ...sound.drain, votes: { asked: 9, accepted: 9, stored: 8 } } }), 'FAIL drain');
  t.equal(rulesOf({ drain: { ...sound.drain, uploads: { asked: 3, accepted: 3, stored: 4 } } }), 'FAIL drain');
  t.equal(rulesOf({ drain: { ...sound.drain, exitCodes: [0, 1] } }), 'FAIL drain');
  t.equal(rulesOf({ fixedSizes: [{ ...one, rmsShare: 0.06 }, ...others] }), 'FAIL model');
  t.equal(
    rulesOf({ fixedSizes: [{ ...one, halfPrediction: { predicted: 120, measured: 100 } }, ...others] }),
    'FAIL model',
  );
  t.equal(rulesOf({ fixedSizes: [{ ...one, busiestShare: 1.7 }, ...others] }), 'INVALID share-not-kept');
  t.equal(rulesOf({ scaling: { ...sound.scaling, simulatedScaleOutSeconds: 300 } }), 'FAIL simulation');
  t.equal(rulesOf({ scaling: { ...sound.scaling, scaleInSeconds: null } }), 'FAIL scale-in');
  const late = [{ rule: 'generator-late', verdict: 'INVALID', text: 'late' }];
  t.equal(rulesOf({ drain: { ...sound.drain, reasons: late } }), 'INVALID generator-late');
  t.end();
});

t.test('if every upload was refused, the page makes no claim about uploads', (t) => {
  const uploads = {
    ...sound.uploads,
    uploads: 0,
    completedPerSecond: 0,
    bytesPerSecond: 0,
    cpuSecondsPerGigabyte: null,
  };
  const evidence = { ...sound, uploads };
  const judgement = judgeRehearsal(evidence);
  t.match(judgement, { verdict: 'INVALID', reasons: [{ rule: 'uploads-refused' }] });
  const report = { ...evidence, judgement };
  const page = JSON.stringify(describeRehearsal(report, recommend(report, demand, prices, undefined)));
  t.match(page, /uploads: none of \d+ was accepted/);
  t.match(page, /uploads not measured/);
  t.notMatch(page, /NaN|null/);
  t.end();
});

t.test('an instance limited by uploads scales on requests, one limited by requests scales on CPU', (t) => {
  const uploads = recommend(
    sound,
    { ...demand, peakRequestsPerSecond: 10, peakUploadsPerMinute: 6 },
    prices,
    undefined,
  );
  t.equal(uploads.scaling.metric, 'ALBRequestCountPerTarget');
  t.match(uploads.scaling.why, /an alarm at 50 % CPU would never fire/);
  const requests = recommend(sound, { ...demand, peakUploadsPerMinute: 0 }, prices, undefined);
  t.equal(requests.scaling.metric, 'ASGAverageCPUUtilization');
  t.equal(requests.scaling.target, 50);
  const values = Object.fromEntries(toCloudFormation(uploads).map((each) => [each.ParameterKey, each.ParameterValue]));
  t.equal(values['ScalingMetric'], 'ALBRequestCountPerTarget');
  t.equal(Number(values['ScalingTarget']), uploads.scaling.target);
  t.end();
});

t.test('headroom ends sooner with faster growth, and is 0 if the peak needs more than the maximum', (t) => {
  const monthsAt = (growthPerMonth: number, peakUploadsPerMinute = 2) =>
    recommend(sound, { ...demand, growthPerMonth, peakUploadsPerMinute }, prices, undefined).headroom.months;
  t.ok((monthsAt(0.05) ?? 0) > (monthsAt(0.2) ?? 0));
  t.equal(monthsAt(0), null, 'without growth the headroom never ends');
  t.equal(monthsAt(0.05, 1_000), 0);
  t.end();
});

t.test('a measured worker gives a backlog per worker', (t) => {
  const worker = {
    sizeMiB: 50,
    jobsAtOnce: 2,
    videosPerMinute: 4,
    meanServiceSeconds: 25,
    meanPublishSeconds: 1,
    cpuSecondsPerVideo: 30,
  };
  const advice = recommend(sound, { ...demand, playableWithinMinutes: 10, videosOfABurst: 100 }, prices, worker);
  t.equal(advice.worker?.backlogPerWorker, 40);
  t.equal(advice.worker?.workersForTheBurst, 3);
  t.ok((advice.costPer1000Uploads.worker ?? 0) > 0);
  t.end();
});
