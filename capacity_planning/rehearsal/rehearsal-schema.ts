import { type Static, Type } from '@sinclair/typebox';
import { CapacityReport, Verdict } from '../lib/report-schema.ts';

const Text = Type.String();
const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const Maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()]);
const judged = Type.Pick(Verdict, ['verdict', 'reasons']).properties;

/** CPU time of one request, in microseconds, of each who takes part in it. */
const CpuUsPerRequest = Type.Object({ web: Amount, database: Amount, balancer: Amount });

/** One rate at which requests arrived. */
const RateStep = Type.Object({
  offeredPerSecond: Amount,
  completedPerSecond: Amount,
  meanInFlight: Amount,
  p95Ms: Amount,
  p99Ms: Amount,
  errorShare: Amount,
  /** Of the instances' shares together. */
  cpuShare: Amount,
  cpuUsPerRequest: CpuUsPerRequest,
});

const FixedSize = Type.Object({
  instances: Count,
  share: Amount,
  withinObjectivesPerSecond: Amount,
  /** Predicted by the curve through the closed loops. */
  knee: Maybe(Type.Object({ concurrency: Amount, perSecond: Amount, lowPerSecond: Amount, highPerSecond: Amount })),
  atLeastPerSecond: Amount,
  rmsShare: Maybe(Amount),
  points: Count,
  /** Throughput of an instance against that of one alone, with as many users for each. */
  efficiency: Amount,
  /** By the curve through half of the closed loops; the most that the others and the arrivals reached. */
  halfPrediction: Maybe(Type.Object({ predicted: Amount, measured: Amount })),
  /** The most that was completed of what arrived, and each rate that did. */
  arrivedPerSecond: Amount,
  /** At the highest rate within the objectives: a request costs less the more of them come together. */
  cpuUsPerRequest: CpuUsPerRequest,
  /** At which rate the instances are half busy, between two of those tried; null where none of them made them so. */
  halfCpuPerSecond: Maybe(Amount),
  rates: Type.Array(RateStep),
  /** Of their shares together, what the instances used in their busiest second: beyond 1 the shares were not kept. */
  busiestShare: Amount,
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
  policy: Type.Object({
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
  /** From the load's fall until the first instance left, in seconds of the law, both. */
  scaleInSeconds: Maybe(Amount),
  simulatedScaleInSeconds: Maybe(Amount),
  overshootInstances: Type.Integer(),
  timeline: CapacityReport.properties.timeline,
  ...judged,
});

const UploadPhase = Type.Object({
  share: Amount,
  fileBytes: Count,
  asked: Count,
  /** Of those asked, what was accepted. */
  uploads: Count,
  completedPerSecond: Amount,
  /** Of the first step, in which nobody waits. */
  calmSeconds: Amount,
  bytesPerSecond: Amount,
  /** Null where no upload was accepted. */
  cpuSecondsPerGigabyte: Maybe(Amount),
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
export type RateStep = Static<typeof RateStep>;
export type FixedSize = Static<typeof FixedSize>;
export type ControllerPeriod = Static<typeof ControllerPeriod>;
export type Window = Static<typeof Window>;
export type ScalingPhase = Static<typeof ScalingPhase>;
export type UploadPhase = Static<typeof UploadPhase>;
export type KeepAlive = Static<typeof KeepAlive>;
export type Drain = Static<typeof Drain>;
