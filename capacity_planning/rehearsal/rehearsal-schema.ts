import { type Static, Type } from '@sinclair/typebox';
import { CapacityReport, Verdict } from '../lib/report-schema.ts';

const Text = Type.String();
const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const Maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()]);
const judged = Type.Pick(Verdict, ['verdict', 'reasons']).properties;

/** CPU time of one request in microseconds, by component. */
const CpuUsPerRequest = Type.Object({ web: Amount, database: Amount, balancer: Amount });

/** One rate at which requests arrived. */
const RateStep = Type.Object({
  offeredPerSecond: Amount,
  completedPerSecond: Amount,
  meanInFlight: Amount,
  p95Ms: Amount,
  p99Ms: Amount,
  errorShare: Amount,
  /** CPU used, relative to the limits of all instances. */
  cpuShare: Amount,
  cpuUsPerRequest: CpuUsPerRequest,
});

const FixedSize = Type.Object({
  instances: Count,
  share: Amount,
  withinObjectivesPerSecond: Amount,
  /** The knee of the curve through the closed loops. */
  knee: Maybe(Type.Object({ concurrency: Amount, perSecond: Amount, lowPerSecond: Amount, highPerSecond: Amount })),
  atLeastPerSecond: Amount,
  rmsShare: Maybe(Amount),
  points: Count,
  /** Throughput per instance relative to a single instance, with the same users per instance. */
  efficiency: Amount,
  /** The knee predicted from half of the closed loops, and the highest throughput of the others and the arrivals. */
  halfPrediction: Maybe(Type.Object({ predicted: Amount, measured: Amount })),
  /** The highest throughput of the arrivals. */
  arrivedPerSecond: Amount,
  /** At the highest rate within the objectives. A request costs less at higher load. */
  cpuUsPerRequest: CpuUsPerRequest,
  /** The rate at which instances are at 50 % CPU, interpolated; null if no rate reached it. */
  halfCpuPerSecond: Maybe(Amount),
  rates: Type.Array(RateStep),
  /** CPU used in the busiest second, relative to the limits: a value above 1 means that the limits did not hold. */
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
    targetShare: Amount,
    periodSeconds: Amount,
    breachingPeriodsOut: Count,
    breachingPeriodsIn: Count,
    lowShare: Amount,
    warmUpSeconds: Amount,
    deregistrationSeconds: Amount,
    minInstances: Count,
    maxInstances: Count,
  }),
  capacityPerInstance: Amount,
  /** The start of the load in the controller's seconds. */
  loadStartsAtSecond: Type.Number(),
  periods: Type.Array(ControllerPeriod),
  windows: Type.Array(Window),
  neededInstances: Count,
  /** In the policy's seconds, which pass `timeScale` times as fast. */
  scaleOutSeconds: Maybe(Amount),
  simulatedScaleOutSeconds: Maybe(Amount),
  /** From the fall of the load until the first instance was removed, in the policy's seconds. */
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
  /** The number of accepted uploads. */
  uploads: Count,
  completedPerSecond: Amount,
  /** The median duration in the first step, without waiting uploads. */
  unloadedSeconds: Amount,
  bytesPerSecond: Amount,
  /** Null if no upload was accepted. */
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
    title: 'A local test of the load balancer and autoscaling',
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
