import type { CaseResult } from './bench-case.ts';
import { describeRun, openFigures, renderTable, renderTargets } from './tables.ts';

/** Renders the report of the encode case. Every figure in it comes from the result. */
export function renderEncodeReport(result: CaseResult): string {
  const read = openFigures(result);
  const names = result.candidates.map(({ name }) => name);
  const [baseline = ''] = names;
  const hasVmaf = Number.isFinite(read(baseline, 'vmaf'));
  const overview = names.map((name) => [
    name,
    read(name, 'videosPerMinute').toFixed(1),
    read(name, 'cpuSeconds').toFixed(2),
    (read(baseline, 'cpuSeconds') / read(name, 'cpuSeconds')).toFixed(2),
    read(name, 'sizeMiB').toFixed(2),
    read(name, 'ssim').toFixed(5),
    ...(hasVmaf ? [read(name, 'vmaf').toFixed(2)] : []),
    read(name, 'peakMemoryMiB').toFixed(0),
  ]);
  const clips = result.runMetadata['clips'] as { name: string; bytes: number }[];
  const perClip = clips.map(({ name: clip, bytes }) => [
    clip,
    (bytes / 1024 / 1024).toFixed(2),
    ...[baseline, 'ours'].flatMap((name) => [
      read(name, `cpuSeconds of ${clip}`).toFixed(2),
      read(name, `sizeMiB of ${clip}`).toFixed(2),
      read(name, `ssim of ${clip}`).toFixed(5),
    ]),
  ]);
  const vmaf = hasVmaf ? ['VMAF'] : [];
  const sections = [
    '# Encoding',
    `${describeRun(result)} FFmpeg ${result.runMetadata['ffmpeg']}.`,
    method,
    renderTable(['', 'videos/min', 'CPU s', '(a) / this', 'MiB', 'SSIM', ...vmaf, 'peak MiB'], overview),
    '## Targets',
    renderTargets(result),
    '## Clip by clip',
    renderTable(['clip', 'source MiB', '(a): CPU s', 'MiB', 'SSIM', 'ours: CPU s', 'MiB', 'SSIM'], perClip),
  ];
  return `${sections.join('\n\n')}\n`;
}

const method = `CPU time is FFmpeg's user and system time for all clips. SSIM is the mean over the luma planes, compared with a lossless
rendition of the source scaled by Lanczos. "ours" runs one thread per clip unless the name says otherwise, and as many clips at once
as there are processors, like the worker. (a) and (b) run one clip at a time with FFmpeg's default threads. Clips last a few seconds:
videos per minute compare the commands and are not the worker's capacity.`;
