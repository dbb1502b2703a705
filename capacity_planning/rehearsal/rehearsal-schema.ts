import { type Static, Type } from '@sinclair/typebox';
import { CapacityReport, Verdict } from '../lib/report-schema.ts';

const Text = Type.String();
const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const Maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()]);
const judged = Type.Pick(Verdict, ['verdict', 'reasons']).properties;

const FixedSize = Type.Object({
  instances: Count,
  share: Amount,
  withinObjectivesPerSecond: Amount,
  knee: Maybe(Type.Object({ inFlight: Amount, perSecond: Amount, lowPerSecond: Amount, highPerSecond: Amount })),
  atLeastPerSecond: Amount,
  rmsShare: Maybe(Amount),
  points: Count,
  halfPrediction: Maybe(Type.Object({ predicted: Amount, measured: Amount })),
  cpuUsPerRequest: Type.Object({ web: Amount, database: Amount, balancer: Amount }),
  /** Of their shares together, what the instances used in their busiest second: beyond 1 the shares were not kept. */
  busiestShare: Type.Optional(Amount),
  ...judged,
});

const ControllerPeriod = Type.Object({ second: Amount, cpuShare: Amount, serving: Count, present: Count });

const Window = Type.Object({
  name: Text,
  startSecond: Type.Number(),
  endSecond: Type.Number(),
  offeredPerSecond: Amount,
  requests: Count,
  errors: Count,
  worstP99Ms: Amount,
  medianP99Ms: Amount,
  secondsBeyondObjective: Count,
});

const ScalingPhase = Type.Object({
  timeScale: Amount,
  law: Type.Object({
    ...{ targetShare: Amount, periodSeconds: Amount, breachingPeriodsOut: Count, breachingPeriodsIn: Count },
    ...{
      lowShare: Amount,
      warmUpSeconds: Amount,
      deregistrationSeconds: Amount,
      minInstances: Count,
      maxInstances: Count,
    },
  }),
  capacityPerInstance: Amount,
  /** When the load began, in the controller's seconds. */
  loadStartsAtSecond: Type.Number(),
  periods: Type.Array(ControllerPeriod),
  windows: Type.Array(Window),
  neededInstances: Count,
  /** In seconds of the law, both. */
  scaleOutSeconds: Maybe(Amount),
  simulatedScaleOutSeconds: Maybe(Amount),
  overshootInstances: Type.Integer(),
  timeline: CapacityReport.properties.timeline,
  ...judged,
});

const UploadPhase = Type.Object({
  share: Amount,
  fileBytes: Count,
  uploads: Amount,
  completedPerSecond: Amount,
  /** Of the first step, in which nobody waits. */
  calmSeconds: Amount,
  bytesPerSecond: Amount,
  cpuSecondsPerGigabyte: Amount,
  peakUploadsInFlight: Count,
  peakBytesInFlight: Amount,
  peakPartBuffers: Count,
  peakResidentMiB: Amount,
  ...judged,
});

const KeepAlive = Type.Object({
  requests: Count,
  badGateways: Count,
  otherFailures: Count,
  gapsSeconds: Type.Array(Amount),
});

const Written = Type.Object({ asked: Count, accepted: Count, stored: Count });
const Drain = Type.Object({
  replacedInstances: Count,
  exitCodes: Type.Array(Maybe(Type.Integer())),
  votes: Written,
  uploads: Written,
  wrongCounters: Count,
  ...judged,
});

export const RehearsalReport = Type.Object(
  {
    schema: Type.Literal('rehearsal-report/v1'),
    startedAt: Text,
    durationSeconds: Amount,
    command: Text,
    commit: Text,
    hasUncommittedChanges: Type.Boolean(),
    machine: CapacityReport.properties.machine,
    node: Text,
    balancer: Text,
    fixedSizes: Type.Array(FixedSize),
    uploads: UploadPhase,
    keepAlive: KeepAlive,
    scaling: ScalingPhase,
    drain: Drain,
    judgement: Verdict,
  },
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'rehearsal-report/v1',
    title: 'A rehearsal of the balancer and its scaling',
  },
);

export type RehearsalReport = Static<typeof RehearsalReport>;
export type FixedSize = Static<typeof FixedSize>;
export type ControllerPeriod = Static<typeof ControllerPeriod>;
export type Window = Static<typeof Window>;
export type ScalingPhase = Static<typeof ScalingPhase>;
export type UploadPhase = Static<typeof UploadPhase>;
export type KeepAlive = Static<typeof KeepAlive>;
export type Drain = Static<typeof Drain>;
