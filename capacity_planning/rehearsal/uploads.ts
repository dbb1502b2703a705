import { setTimeout as sleep } from 'node:timers/promises';
import type { CapacityReport } from '../lib/report-schema.ts';
import { makeUploadFile } from './dataset.ts';
import type { UploadPhase } from './rehearsal-schema.ts';
import type { TestContext } from './testbed.ts';

/** Loads one instance with uploads to an S3 sink, because an S3 server would use more CPU than the service. */
export async function loadWithUploads(context: TestContext): Promise<{ result: UploadPhase; report: CapacityReport }> {
  const { fileBytes, stepPerSecond, steps, stepSeconds, warmUpSeconds } = context.settings.uploads;
  await context.fleet.shrinkTo(1);
  const [instance] = context.fleet.serving();
  if (instance === undefined) throw new Error('Expected an instance that serves, got none');
  context.say(`uploads: ${fileBytes / 1024 / 1024} MiB to one instance, up to ${steps * stepPerSecond} a second`);
  const done = new AbortController();
  const peaks = watchMetrics(instance.metricsUrl, done.signal);
  const usedBefore = instance.cpu.usedSeconds();
  const report = await context.load({
    name: 'uploads',
    scenario: 'breakpoint',
    env: {
      JOURNEY: 'upload',
      DATASET: context.datasets.next().path,
      VIDEO: makeUploadFile(context.folder, fileBytes),
      RATE: String(stepPerSecond),
      STEPS: String(steps),
      SECONDS: String(stepSeconds),
      WARM_UP_SECONDS: String(warmUpSeconds),
    },
  });
  const used = instance.cpu.usedSeconds() - usedBefore;
  done.abort();
  const { uploadsInFlight, partBuffers, residentBytes } = await peaks;
  const asked = report.steps.reduce((sum, { samples }) => sum + samples, 0);
  const counts = report.steps.map(({ samples, errorShare }) => Math.round(samples * (1 - errorShare)));
  const uploads = counts.reduce((sum, count) => sum + count, 0);
  const accepted = report.steps.map(({ completedPerSecond, errorShare }) => completedPerSecond * (1 - errorShare));
  const most = Math.max(...accepted);
  return {
    report,
    result: {
      share: context.settings.share,
      fileBytes,
      asked,
      uploads,
      completedPerSecond: most,
      unloadedSeconds: (report.steps.find(({ phase }) => phase === 'measured')?.latencyMs?.p50 ?? 0) / 1000,
      bytesPerSecond: most * fileBytes,
      cpuSecondsPerGigabyte: uploads === 0 ? null : used / ((uploads * fileBytes) / 1e9),
      peakUploadsInFlight: uploadsInFlight,
      peakBytesInFlight: uploadsInFlight * fileBytes,
      peakPartBuffers: partBuffers,
      peakResidentMiB: residentBytes / 1024 / 1024,
      verdict: report.judgement.verdict,
      reasons: report.judgement.reasons,
    },
  };
}

async function watchMetrics(url: string, signal: AbortSignal) {
  const peaks = { uploadsInFlight: 0, partBuffers: 0, residentBytes: 0 };
  while (!signal.aborted) {
    const text = await (await fetch(url)).text();
    const read = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      );
    peaks.uploadsInFlight = Math.max(peaks.uploadsInFlight, read('competition_uploads_in_flight'));
    peaks.partBuffers = Math.max(peaks.partBuffers, read('competition_part_buffers_in_use'));
    peaks.residentBytes = Math.max(peaks.residentBytes, read('process_resident_memory_bytes'));
    await sleep(250, undefined, { signal }).catch(() => undefined);
  }
  return peaks;
}
