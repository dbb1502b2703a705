import type { Table } from './page.ts';
import type { CapacityReport } from './report-schema.ts';
import { rmsLimit } from './usl.ts';

/** Describes a report in sentences and tables. */
export function describeReport(report: CapacityReport): { headline: string; sentences: string[]; tables: Table[] } {
  const { judgement, generator, machine, target } = report;
  return {
    headline: `${judgement.verdict}: ${report.name} against ${target.baseUrl}`,
    sentences: [
      ...judgement.reasons.map(({ verdict, rule, text }) => `${verdict} (${rule}): ${text}.`),
      ...judgement.notes.map((note) => `${note}.`),
      ...describeCapacity(report),
      ...describeUnreached(report),
      `Generator: ${generator.engine} engine, ${generator.threads} thread(s), at most ${percent(generator.cpuShareMax)} of a core, ` +
        `${generator.memoryPeakMiB} MiB, p99 of its delay ${generator.latenessP99Ms.toFixed(1)} ms.`,
      `Machine: ${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB, Linux ${machine.kernel}; shared by generator and target if the target has a loopback address.`,
      `Commit ${report.commit}${report.hasUncommittedChanges ? ' with uncommitted changes' : ''}; started ${report.startedAt}; ${report.durationSeconds.toFixed(0)} s.`,
      ...(report.observations === undefined
        ? ['Not measured: TLS and idle timeouts of a load balancer, network cards, cloud disks, several instances.']
        : []),
    ],
    tables: [describeSteps(report), describeRoutes(report), describeThresholds(report), ...(report.observations ?? [])],
  };
}

/** Rules by which the generator, not the service, was the limit. */
const generatorRules = [
  'generator-cpu generator-late generator-limit'.split(' '),
  'dropped-iterations vus-exhausted rate-not-reached'.split(' '),
].flat();

function describeCapacity({ steps, model, judgement: { verdict, reasons } }: CapacityReport): string[] {
  if (reasons.some(({ rule }) => generatorRules.includes(rule))) {
    const seen = steps.filter(({ phase }) => phase === 'measured').map(({ completedPerSecond }) => completedPerSecond);
    return [`Capacity: >= ${Math.max(0, ...seen).toFixed(0)} /s; the generator reached its limit before the service.`];
  }
  if (model === null) return ['Capacity: not modelled, because there are fewer than four measured loads.'];
  const fit = `${model.points} steps, fit error ${(model.rmsShare * 100).toFixed(1)} % rms`;
  const caution = verdict === 'INVALID' ? ' The run is INVALID, so this figure is not a capacity.' : '';
  const { knee } = model;
  if (knee === null) {
    const why =
      model.withheld === 'bad-fit'
        ? `the fit error exceeds ${rmsLimit * 100} %, so no knee is reported`
        : 'no saturation was observed';
    return [`Capacity: >= ${model.atLeastPerSecond.toFixed(0)} /s; ${why} (${fit}).${caution}`];
  }
  const { perSecond, lowPerSecond, highPerSecond, concurrency } = knee;
  const interval = `95 % interval ${lowPerSecond.toFixed(0)} to ${highPerSecond.toFixed(0)}`;
  return [
    `Knee: ${perSecond.toFixed(0)} /s at ${concurrency.toFixed(1)} users or requests in flight (${interval}; ${fit}).${caution}`,
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
      'in flight',
      'samples',
      'errors',
      'p50 ms',
      'p95 ms',
      'p99 ms',
    ],
    rows: steps
      .filter(({ seconds }) => seconds > 0)
      .map((step) => [
        step.phase === 'warm_up' ? `${step.name} (warm-up)` : step.name,
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
    title: 'Routes, without the warm-up',
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
