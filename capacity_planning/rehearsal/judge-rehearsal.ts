import type { Judgement } from '../lib/report-schema.ts';
import { rmsLimit } from '../lib/usl.ts';
import type { RehearsalReport } from './rehearsal-schema.ts';

type Evidence = Omit<RehearsalReport, 'judgement'>;
type Reason = Judgement['reasons'][number];

const predictionShare = 0.1;
const leastPoints = 7;
/** A second does not contain a whole number of the group's periods, so its share may exceed 1 slightly. */
const shareMax = 1.15;

/**
 * INVALID if a load in it is. FAIL if something was lost or a prediction was wrong. Broken objectives count only in the drain,
 * because the other loads increase until an objective breaks.
 */
export function judgeRehearsal(report: Evidence): Judgement {
  const loads = {
    uploads: report.uploads,
    autoscaling: report.scaling,
    drain: report.drain,
    ...Object.fromEntries(report.fixedSizes.map((size) => [`fixed fleet of ${size.instances}`, size])),
  };
  const invalid = Object.entries(loads).flatMap(([name, { reasons }]) =>
    reasons
      .filter(({ verdict }) => verdict === 'INVALID')
      .map(({ rule, text }): Reason => ({ rule, verdict: 'INVALID', text: `${name}: ${text}` })),
  );
  const unheld = report.fixedSizes
    .filter(({ busiestShare }) => busiestShare > shareMax)
    .map(({ instances, busiestShare }): Reason => {
      const text = `fixed fleet of ${instances}: instances used ${Math.round(busiestShare * 100)} % of their CPU limits`;
      return { rule: 'share-not-kept', verdict: 'INVALID', text };
    });
  const refused: Reason[] =
    report.uploads.uploads > 0
      ? []
      : [
          {
            rule: 'uploads-refused',
            verdict: 'INVALID',
            text: `uploads: none of ${report.uploads.asked} was accepted`,
          },
        ];
  const failed = [...judgeSafety(report), ...judgePredictions(report)];
  const unsound = [...invalid, ...unheld, ...refused];
  return {
    verdict: unsound.length > 0 ? 'INVALID' : failed.length > 0 ? 'FAIL' : 'PASS',
    reasons: [...unsound, ...failed],
    notes: [],
  };
}

function judgeSafety({ keepAlive, drain }: Evidence): Reason[] {
  const fail = (rule: string, text: string): Reason => ({ rule, verdict: 'FAIL', text });
  const { votes, uploads, exitCodes, wrongCounters } = drain;
  return [
    ...(keepAlive.badGateways + keepAlive.otherFailures > 0
      ? [fail('keep-alive', `${keepAlive.badGateways} responses 502 and ${keepAlive.otherFailures} other failures`)]
      : []),
    ...Object.entries({ votes, uploads })
      .filter(([, { asked, accepted, stored }]) => stored !== accepted || accepted !== asked)
      .map(([name, { asked, accepted, stored }]) =>
        fail('drain', `${name}: ${asked} sent, ${accepted} accepted, ${stored} stored`),
      ),
    ...(wrongCounters > 0 ? [fail('drain', `${wrongCounters} vote counters differ from a recount`)] : []),
    ...(exitCodes.some((code) => code !== 0) ? [fail('drain', `instances ended with ${exitCodes.join(', ')}`)] : []),
    ...drain.reasons.filter(({ verdict }) => verdict === 'FAIL').map(({ text }) => fail('objective', `drain: ${text}`)),
  ];
}

function judgePredictions({ fixedSizes, scaling }: Evidence): Reason[] {
  const fail = (rule: string, text: string): Reason => ({ rule, verdict: 'FAIL', text });
  const [one] = fixedSizes;
  const reasons: Reason[] = [];
  if (one !== undefined) {
    const rms = one.rmsShare === null ? 'no' : `${(one.rmsShare * 100).toFixed(1)} %`;
    if (!(one.points >= leastPoints && (one.rmsShare ?? 1) <= rmsLimit)) {
      const limits = `limit ${rmsLimit * 100} % and at least ${leastPoints} points`;
      reasons.push(fail('model', `one instance: fit error ${rms} rms on ${one.points} points, ${limits}`));
    }
    const half = one.halfPrediction;
    if (half === null || Math.abs(half.predicted / half.measured - 1) > predictionShare) {
      const figures =
        half === null ? 'no knee' : `${half.predicted.toFixed(0)}/s, measured ${half.measured.toFixed(0)}/s`;
      reasons.push(fail('model', `one instance: half of the loads predicts ${figures}`));
    }
  }
  const { scaleOutSeconds: real, simulatedScaleOutSeconds: simulated, policy } = scaling;
  if (real === null || simulated === null || Math.abs(real - simulated) > policy.periodSeconds + 1e-6) {
    const describe = (value: number | null) => (value === null ? 'never' : `${value} s`);
    reasons.push(fail('simulation', `scale-out: ${describe(real)}, simulated ${describe(simulated)}`));
  }
  if (scaling.scaleInSeconds === null) reasons.push(fail('scale-in', 'no instance was removed after the load fell'));
  return reasons;
}
