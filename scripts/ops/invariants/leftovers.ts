import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const nothingIsLeftBehind: Invariant = {
  number: 8,
  name: 'Without running uploads and jobs, no part buffer, no waiting upload and no job folder is left',
  check,
};

const gauges = [
  'competition_uploads_in_flight',
  'competition_uploads_waiting_for_buffer',
  'competition_part_buffers_in_use',
];

/** Checks twice, because an upload or a job that has just ended may still hold resources. */
async function check(deps: CheckDeps): Promise<Finding> {
  const first = await look(deps);
  if (first.breaks.length === 0) return first;
  await sleep(deps.settleMs);
  return look(deps);
}

async function look({ service, config, producer }: CheckDeps): Promise<Finding> {
  const breaks: string[] = [];
  for (const url of service?.metricsUrls ?? []) {
    const text = await (await fetch(url)).text();
    const isBusy = readGauge(text, 'competition_uploads_in_flight') > 0;
    for (const gauge of isBusy ? [] : gauges) {
      if (readGauge(text, gauge) > 0) breaks.push(`${url} shows ${gauge} ${readGauge(text, gauge)}`);
    }
  }
  const folders = listScratch(config.dataDir);
  const active = (await producer.listJobs()).filter((job) => job.state === 'active').length;
  if (folders.length > active)
    breaks.push(`${folders.length} job folders for ${active} active jobs: ${folders.join(', ')}`);
  return { checked: `${service?.metricsUrls.length ?? 0} processes, ${folders.length} job folders`, breaks };
}

function readGauge(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

function listScratch(dataDir: string): string[] {
  const scratch = join(dataDir, 'scratch');
  return existsSync(scratch) ? readdirSync(scratch) : [];
}
