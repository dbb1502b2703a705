import { readRunMetadata } from '../../scripts/lib/run-metadata.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { followLoad } from './autoscaling.ts';
import { replaceUnderLoad } from './drain.ts';
import { findKnee, type Knee } from './fixed-fleet.ts';
import { judgeRehearsal } from './judge-rehearsal.ts';
import { requestWithPauses } from './keep-alive.ts';
import type { FixedSize, RehearsalReport } from './rehearsal-schema.ts';
import type { RehearsalSettings } from './settings.ts';
import { openTestContext, slots } from './testbed.ts';
import { loadWithUploads } from './uploads.ts';

export interface Rehearsal {
  report: RehearsalReport;
  /** The report of every load in it. */
  loads: CapacityReport[];
}

/**
 * Starts a real balancer, instances, database and queue for this run. Measures fixed fleets of 1, 2 and 3 instances, beside
 * clients that pause; then autoscaling; then instances that are replaced under writes; then uploads to one instance.
 */
export async function rehearse(settings: RehearsalSettings, say: (line: string) => void): Promise<Rehearsal> {
  const undo: (() => unknown)[] = [];
  const clear = async () => {
    for (const each of undo.splice(0)) await each();
  };
  const onSignal = () => void clear().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const startedAt = new Date();
  const { command, commit, hasUncommittedChanges, node, machine } = readRunMetadata(
    `npm run capacity -- ${process.argv.slice(2).join(' ')}`,
  );
  try {
    const context = await openTestContext(settings, (each) => undo.unshift(each), say);
    await context.fleet.growTo(1);
    const pausing = new AbortController();
    const asking = requestWithPauses(context.balancer.url, pausing.signal);
    const sizes: Knee[] = [];
    for (let count = 1; count <= slots; count += 1) sizes.push(await findKnee(context, count, sizes[0]));
    pausing.abort();
    const keepAlive = await asking;
    const capacity = findCapacity(sizes[0]?.result);
    const scaling = await followLoad(context, capacity);
    const drain = await replaceUnderLoad(context);
    // Uploads come last, because their backlog would affect the other loads.
    const uploads = await loadWithUploads(context);
    const evidence = {
      schema: 'rehearsal-report/v1' as const,
      startedAt: startedAt.toISOString(),
      durationSeconds: (Date.now() - startedAt.getTime()) / 1000,
      command,
      commit,
      hasUncommittedChanges,
      machine,
      node,
      balancer: `HAProxy ${context.balancer.version}`,
      fixedSizes: sizes.map(({ result }) => result),
      uploads: uploads.result,
      keepAlive,
      scaling: scaling.result,
      drain: drain.result,
    };
    return {
      report: { ...evidence, judgement: judgeRehearsal(evidence) },
      loads: [...sizes.flatMap(({ reports }) => reports), ...[uploads, scaling, drain].map(({ report }) => report)],
    };
  } finally {
    await clear();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

/** Extrapolates the rate at 50 % CPU to 100 % CPU, as target tracking does. */
function findCapacity(one: FixedSize | undefined): number {
  const perSecond = (one?.halfCpuPerSecond ?? 0) * 2 || (one?.arrivedPerSecond ?? 0);
  if (perSecond > 0) return perSecond;
  throw new Error(
    'Expected one instance to complete a step of its load, got none: autoscaling has no rate to start from',
  );
}
