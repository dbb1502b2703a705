import { type Static, Type } from '@sinclair/typebox';

const Text = Type.String();
const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });
const Maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()]);

const Latency = Type.Object({ mean: Amount, p50: Amount, p95: Amount, p99: Amount, max: Amount });

const Step = Type.Object({
  name: Text,
  phase: Type.Union([Type.Literal('warm_up'), Type.Literal('measured')]),
  executor: Text,
  startSeconds: Amount,
  seconds: Amount,
  offeredPerSecond: Maybe(Amount),
  startedPerSecond: Amount,
  completedPerSecond: Amount,
  dropped: Count,
  vusPeak: Count,
  vusLimit: Count,
  meanInFlight: Amount,
  samples: Count,
  errorShare: Share,
  latencyMs: Maybe(Latency),
  /** The latency of every request or, of many requests, of every nth, ordered by start. */
  latencySampleMs: Type.Array(Amount),
});

const Route = Type.Object({ name: Text, samples: Count, errorShare: Share, latencyMs: Maybe(Latency) });

/** The start time and the build that an instance reports. */
const Instance = Type.Object({ url: Text, startedAtSeconds: Amount, build: Text });

const TargetState = Type.Object({ instances: Type.Array(Instance), clockDifferenceSeconds: Maybe(Type.Number()) });

const Model = Type.Object({
  lambda: Amount,
  sigma: Type.Number(),
  kappa: Type.Number(),
  points: Count,
  rmsShare: Amount,
  /** Why there is no knee. The capacity is then at least the highest measured throughput. */
  withheld: Maybe(Type.Union([Type.Literal('bad-fit'), Type.Literal('no-peak-observed')])),
  knee: Maybe(Type.Object({ concurrency: Amount, perSecond: Amount, lowPerSecond: Amount, highPerSecond: Amount })),
  atLeastPerSecond: Amount,
});

/** Figures that others measured during the run, such as CloudWatch. */
const Table = Type.Object({ title: Text, head: Type.Array(Text), rows: Type.Array(Type.Array(Text)) });

export const Verdict = Type.Object({
  verdict: Type.Union([Type.Literal('PASS'), Type.Literal('FAIL'), Type.Literal('INVALID')]),
  reasons: Type.Array(Type.Object({ rule: Text, verdict: Text, text: Text })),
  notes: Type.Array(Text),
});

export const CapacityReport = Type.Object(
  {
    schema: Type.Literal('capacity-report/v1'),
    name: Text,
    startedAt: Text,
    durationSeconds: Amount,
    commands: Type.Array(Text),
    plan: Type.Object({
      name: Text,
      scenario: Text,
      claims: Type.Array(Type.Number({ minimum: 50, maximum: 99.9 })),
      env: Type.Record(Text, Text),
      /** `SHARE:BYTES_PER_SECOND` of clients that send slowly. */
      slow: Type.Optional(Text),
      /** The share of clients that abort their upload halfway. */
      abort: Type.Optional(Text),
      /** `random` (a Poisson process) or `even`. */
      arrivals: Type.Optional(Text),
    }),
    scriptSha256: Text,
    commit: Text,
    hasUncommittedChanges: Type.Boolean(),
    machine: Type.Object({ processor: Text, processors: Count, memoryMiB: Count, kernel: Text }),
    target: Type.Object({ baseUrl: Text, before: TargetState, after: TargetState }),
    generator: Type.Object({
      engine: Text,
      node: Text,
      threads: Count,
      exitCode: Count,
      arrivalLimitPerSecond: Amount,
      cpuShareMean: Maybe(Amount),
      cpuShareMax: Maybe(Amount),
      /** Relative to the time in which a core was available to the generator. */
      cpuBusyShareMax: Maybe(Amount),
      waitShareMean: Maybe(Amount),
      memoryPeakMiB: Amount,
      latenessP99Ms: Amount,
    }),
    thresholds: Type.Array(
      Type.Object({ metric: Text, expression: Text, value: Maybe(Type.Number()), ok: Type.Boolean() }),
    ),
    steps: Type.Array(Step),
    routes: Type.Array(Route),
    timeline: Type.Array(Type.Object({ second: Count, requests: Count, errors: Count, p50Ms: Amount, p99Ms: Amount })),
    model: Maybe(Model),
    judgement: Verdict,
    observations: Type.Optional(Type.Array(Table)),
  },
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'capacity-report/v1',
    title: 'One run of a capacity plan',
  },
);

export type CapacityReport = Static<typeof CapacityReport>;
export type Step = Static<typeof Step>;
export type Plan = CapacityReport['plan'];
export type TargetState = Static<typeof TargetState>;
export type UslModel = Static<typeof Model>;
export type Judgement = Static<typeof Verdict>;
