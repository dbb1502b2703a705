import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { CaseResult } from './bench-case.ts';

/** Writes capacity_planning/encoding.md from a result, so that no figure in it was ever typed. */
export function writeEncodeReport(result: CaseResult): string {
  const path = join('capacity_planning', 'encoding.md');
  mkdirSync(join(rootFolder, 'capacity_planning'), { recursive: true });
  writeFileSync(join(rootFolder, path), renderEncodeReport(result));
  return path;
}

function renderEncodeReport(result: CaseResult): string {
  const read = openFigures(result);
  const [obvious = '', ...others] = result.candidates.map(({ name }) => name);
  const hasVmaf = Number.isFinite(read(obvious, 'vmaf'));
  const overview = [obvious, ...others].map((name) => [
    name,
    read(name, 'videosPerMinute').toFixed(1),
    read(name, 'cpuSeconds').toFixed(2),
    (read(obvious, 'cpuSeconds') / read(name, 'cpuSeconds')).toFixed(2),
    read(name, 'sizeMiB').toFixed(2),
    read(name, 'ssim').toFixed(5),
    ...(hasVmaf ? [read(name, 'vmaf').toFixed(2)] : []),
    read(name, 'peakMemoryMiB').toFixed(0),
  ]);
  const clips = result.runMetadata['clips'] as { name: string; bytes: number }[];
  const perClip = clips.map(({ name: clip, bytes }) => [
    clip,
    (bytes / 1024 / 1024).toFixed(2),
    ...[obvious, 'ours'].flatMap((name) => [
      read(name, `cpuSeconds of ${clip}`).toFixed(2),
      read(name, `sizeMiB of ${clip}`).toFixed(2),
      read(name, `ssim of ${clip}`).toFixed(5),
    ]),
  ]);
  const targets = result.verdicts.map(({ what, value, is, bound, isReached }) => [
    what,
    String(Number(value.toPrecision(4))),
    `${is} ${bound}`,
    isReached ? 'reached' : 'missed',
  ]);
  const texts = [
    '# Encoding',
    introduce(result),
    table(['', 'videos/min', 'CPU s', '(a) / this', 'MiB', 'SSIM', ...(hasVmaf ? ['VMAF'] : []), 'peak MiB'], overview),
    '## Targets',
    table(['what', 'value', 'target', ''], targets),
    '## Clip by clip',
    table(['clip', 'source MiB', '(a): CPU s', 'MiB', 'SSIM', 'ours: CPU s', 'MiB', 'SSIM'], perClip),
  ];
  return `${texts.join('\n\n')}\n`;
}

function introduce({ runMetadata, rounds }: CaseResult): string {
  const machine = runMetadata['machine'] as { processor: string; processors: number };
  return [
    `Written by \`${runMetadata['command']}\` on ${runMetadata['date']}, commit ${runMetadata['commit']}, with FFmpeg`,
    `${runMetadata['ffmpeg']} on ${machine.processors} x ${machine.processor}; medians of ${rounds} rounds. CPU time is`,
    'user and system time of FFmpeg for all clips together; likeness is the mean SSIM of the luma against a lossless picture of',
    'the source, scaled by Lanczos. Ours has one thread unless the name says otherwise, and as many clips at a time as fill the',
    'processors, as in the worker; (a) and (b) have FFmpeg’s default threads and one clip at a time. Clips are of a few seconds, so',
    'videos a minute compare ways and are no capacity.',
  ].join(' ');
}

/** The median over the rounds. */
function openFigures({ candidates }: CaseResult) {
  return (name: string, figure: string): number => {
    const rounds = candidates.find((candidate) => candidate.name === name)?.rounds ?? [];
    return median(rounds.map((figures) => figures[figure] ?? Number.NaN));
  };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
