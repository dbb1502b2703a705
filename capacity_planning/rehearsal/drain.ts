import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../src/database/open.ts';
import { recount } from '../../src/database/recount.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { countVotes, makeUploadFile } from './dataset.ts';
import type { Drain } from './rehearsal-schema.ts';
import type { TestContext } from './testbed.ts';

/** Replaces instances under votes and uploads, and compares what was accepted with what was stored. */
export async function replaceUnderLoad(context: TestContext): Promise<{ result: Drain; report: CapacityReport }> {
  const { fleet, sql, datasets } = context;
  const { ratePerSecond, seconds, uploadBytes, deregistrationMs, replacedAtMs } = context.settings.drain;
  await fleet.growTo(2);
  context.say(
    `drain: ${replacedAtMs.length} instances are replaced one after the other under ${ratePerSecond} writes a second`,
  );
  const dataset = datasets.next();
  const before = await countUploads(sql);
  const exitsBefore = fleet.exitCodes.length;
  const begunAt = Date.now();
  const replacing = (async () => {
    for (const at of replacedAtMs) {
      await sleep(Math.max(0, begunAt + at - Date.now()));
      const [oldest] = fleet.serving();
      await fleet.launch();
      if (oldest !== undefined) await fleet.retire(oldest, deregistrationMs);
    }
  })();
  const report = await context.load({
    name: 'drain',
    scenario: 'average',
    isFixed: false,
    env: {
      JOURNEY: 'writes',
      DATASET: dataset.path,
      VIDEO: makeUploadFile(context.folder, uploadBytes),
      RATE: String(ratePerSecond),
      SECONDS: String(seconds),
      WARM_UP_SECONDS: '0',
    },
  });
  await replacing;
  const after = await countUploads(sql);
  const countOf = (name: string) => {
    const route = report.routes.find((each) => each.name === name);
    return { asked: route?.samples ?? 0, accepted: Math.round((route?.samples ?? 0) * (1 - (route?.errorShare ?? 0))) };
  };
  return {
    report,
    result: {
      replacedInstances: replacedAtMs.length,
      exitCodes: fleet.exitCodes.slice(exitsBefore),
      votes: { ...countOf('vote'), stored: await countVotes(sql, dataset) },
      uploads: { ...countOf('upload'), stored: after - before },
      wrongCounters: (await recount(sql)).differing,
      verdict: report.judgement.verdict,
      reasons: report.judgement.reasons,
    },
  };
}

async function countUploads(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from videos where title like 'Load %'`;
  return row?.count ?? 0;
}
