import type { Table } from './page.ts';
import type { CapacityReport } from './report-schema.ts';
import { rmsLimit } from './usl.ts';

/** What the report says in words and figures. */
export function describeReport(report: CapacityReport): { headline: string; sentences: string[]; tables: Table[] } {
  const { judgement, generator, machine, target } = report;
  return {
    headline: `${judgement.verdict}: ${report.name} against ${target.baseUrl}`,
    sentences: [
      ...judgement.reasons.map(({ verdict, rule, text }) => `${verdict} (${rule}): ${text}.`),
      ...judgement.notes.map((note) => `${note}.`),
      ...describeCapacity(report),
      ...describeUnreached(report),
      `Generator: ${generator.engine} engine, ${generator.threads} thread(s), ${percent(generator.cpuShareMax)} of a core at most, ` +
        `${generator.memoryPeakMiB} MiB, ${generator.latenessP99Ms.toFixed(1)} ms late at p99.`,
      `Machine: ${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}; generator and target shared it where the target is on a loopback address.`,
      `Commit ${report.commit}${report.hasUncommittedChanges ? ' with uncommitted changes' : ''}; started ${report.startedAt}; ${report.durationSeconds.toFixed(0)} s.`,
      ...(report.observations === undefined
        ? [
            'Not shown by this run: TLS and idle time-outs at a balancer, network cards, disks of the cloud, several instances.',
          ]
        : []),
    ],
    tables: [describeSteps(report), describeRoutes(report), describeThresholds(report), ...(report.observations ?? [])],
  };
}

/** What speaks when the generator was at its end and not the service. */
const generatorRules = [
  ...['generator-cpu', 'generator-late', 'generator-limit'],
  ...['dropped-iterations', 'vus-exhausted', 'rate-not-reached'],
];

function describeCapacity({ steps, model, judgement: { verdict, reasons } }: CapacityReport): string[] {
  if (reasons.some(({ rule }) => generatorRules.includes(rule))) {
    const seen = steps.filter(({ phase }) => phase === 'measured').map(({ completedPerSecond }) => completedPerSecond);
    return [`Capacity: >= ${Math.max(0, ...seen).toFixed(0)} /s; the generator gave out before the service did.`];
  }
  if (model === null) return ['Too few steps for a model of scalability.'];
  const fit = `${model.points} steps, rms ${(model.rmsShare * 100).toFixed(1)} %`;
  const caution = verdict === 'INVALID' ? ' The run is INVALID, so this is no capacity either.' : '';
  const { knee } = model;
  if (knee === null) {
    const why =
      model.withheld === 'bad-fit'
        ? `the fitted curve misses its points by more than ${rmsLimit * 100} %, so that its knee is withheld`
        : 'the curve has not bent';
    return [`Capacity: >= ${model.atLeastPerSecond.toFixed(0)} /s; ${why} (${fit}).${caution}`];
  }
  const { perSecond, lowPerSecond, highPerSecond, concurrency } = knee;
  const interval = `95 % interval ${lowPerSecond.toFixed(0)} to ${highPerSecond.toFixed(0)}`;
  return [
    `Knee: ${perSecond.toFixed(0)} /s at ${concurrency.toFixed(1)} users or requests under way (${interval}; ${fit}).${caution}`,
  ];
}

function describeUnreached({ steps }: CapacityReport): string[] {
  const unreached = steps.filter(({ seconds }) => seconds === 0).length;
  return unreached === 0 ? [] : [`The run ended early: ${unreached} of ${steps.length} steps were not reached.`];
}

function describeSteps({ steps }: CapacityReport): Table {
  return {
    title: 'Steps',
    head: [
      'step',
      'offered /s',
      'started /s',
      'completed /s',
      'dropped',
      'under way',
      'samples',
      'errors',
      'p50 ms',
      'p95 ms',
      'p99 ms',
    ],
    rows: steps
      .filter(({ seconds }) => seconds > 0)
      .map((step) => [
        step.phase === 'warm_up' ? `${step.name} (not counted)` : step.name,
        step.offeredPerSecond?.toFixed(1) ?? `${step.vusLimit} users`,
        step.startedPerSecond.toFixed(1),
        step.completedPerSecond.toFixed(1),
        String(step.dropped),
        step.meanInFlight.toFixed(2),
        String(step.samples),
        percent(step.errorShare),
        ...[step.latencyMs?.p50, step.latencyMs?.p95, step.latencyMs?.p99].map((value) => value?.toFixed(1) ?? 'none'),
      ]),
  };
}

function describeRoutes({ routes }: CapacityReport): Table {
  return {
    title: 'Routes, warm-up left out',
    head: ['route', 'samples', 'errors', 'mean ms', 'p95 ms', 'p99 ms', 'max ms'],
    rows: routes.map(({ name, samples, errorShare, latencyMs }) => [
      name,
      String(samples),
      percent(errorShare),
      ...[latencyMs?.mean, latencyMs?.p95, latencyMs?.p99, latencyMs?.max].map((value) => value?.toFixed(1) ?? 'none'),
    ]),
  };
}

function describeThresholds({ thresholds }: CapacityReport): Table {
  return {
    title: 'Objectives',
    head: ['objective', 'bound', 'measured', ''],
    rows: thresholds.map(({ metric, expression, value, ok }) => [
      metric,
      expression,
      value === null ? 'none' : String(Number(value.toPrecision(4))),
      ok ? 'holds' : 'BROKEN',
    ]),
  };
}

function percent(share: number | null): string {
  return share === null ? 'unknown' : `${Number((share * 100).toPrecision(3))} %`;
}
