import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const jobsMatchRows: Invariant = {
  number: 4,
  name: 'Every video that waits has a job, and every job has a video that waits',
  check,
};

/** Rows and jobs are in two stores, so only a violation that is still there after a delay counts. */
async function check(deps: CheckDeps): Promise<Finding> {
  const first = await look(deps);
  if (first.breaks.size === 0) return { checked: first.checked, breaks: [] };
  await sleep(deps.settleMs);
  const second = await look(deps);
  return { checked: second.checked, breaks: [...second.breaks].filter((each) => first.breaks.has(each)) };
}

async function look({ sql, producer }: CheckDeps): Promise<{ checked: string; breaks: Set<string> }> {
  const jobs = await producer.listJobs();
  const rows = await sql<{ id: number; task_id: string | null }[]>`
    select id, task_id from videos where status = 'uploaded' order by id`;
  const queued = new Set(jobs.map((job) => job.id));
  const needed = new Set(rows.map((row) => row.task_id));
  const breaks = [
    ...rows
      .filter((row) => row.task_id === null || !queued.has(row.task_id))
      .map((row) => `video ${row.id} waits without a job (task ${row.task_id ?? 'none'})`),
    ...jobs.filter((job) => !needed.has(job.id)).map((job) => `${job.state} job ${job.id} has no video that waits`),
  ];
  return { checked: `${rows.length} waiting videos, ${jobs.length} jobs`, breaks: new Set(breaks) };
}
