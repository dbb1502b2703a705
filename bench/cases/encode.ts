import { mkdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { readMachine } from '../../worker/machine.ts';
import { probeSource } from '../../worker/probe.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import { openSandbox } from '../../worker/sandbox.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import { workerCapacity } from '../../worker/tool-limits.ts';
import { findTools } from '../../worker/tools.ts';
import { atLeast, atMost, type BenchCase, type Candidate, type Figures } from '../lib/bench-case.ts';
import { type Clip, prepareClips } from '../lib/encode-clips.ts';
import { baselineCommand, copyInputs, type EncodeCommand, ownCommand, passesCommand } from '../lib/encode-commands.ts';
import { renderEncodeReport } from '../lib/encode-report.ts';
import { measureSsim, measureVmaf } from '../lib/similarity.ts';

/**
 * BENCH_MEDIA names folders of filmed MP4s, separated by `:`, that are encoded in addition to the generated clips.
 * BENCH_VMAF_FFMPEG names an FFmpeg that was built with libvmaf.
 */
export const benchCase: BenchCase = {
  name: 'encode',
  summary: 'CPU time, size and SSIM of a rendition: the service, one usual command, and a pass per feature',
  async open(defer) {
    const { FFMPEG_PATH, FFPROBE_PATH, PATH, BENCH_MEDIA, BENCH_VMAF_FFMPEG } = process.env;
    const tools = await findTools({ ffmpegPath: FFMPEG_PATH, ffprobePath: FFPROBE_PATH, searchPath: PATH ?? '' });
    const folder = makeBenchFolder(defer);
    const sandbox = await openSandbox(tools, folder);
    const capacity = workerCapacity(readMachine({ cores: 0, memoryMiB: 0 }));
    const mediaFolders = (BENCH_MEDIA ?? '').split(':').filter((path) => path !== '');
    const clips = await prepareClips(tools.ffmpeg, join(folder, 'clips'), mediaFolders);
    // The largest clip comes first, so that no processor idles while the last clip of a round is encoded.
    clips.sort((a, b) => b.bytes - a.bytes);
    const subjects: Subject[] = [];
    for (const clip of clips) {
      const work = join(folder, `work-${subjects.length}`);
      mkdirSync(work);
      copyInputs(work, clip.path);
      const source = await probeSource({ tools, sandbox, capacity }, work, new AbortController().signal);
      subjects.push({ clip, source, folder: work });
    }
    const compare = openComparison(tools.ffmpeg, BENCH_VMAF_FFMPEG);
    return {
      candidates: [baselineCommand, passesCommand, ownCommand].map((command) =>
        candidate(command, tools.ffmpeg, subjects, compare),
      ),
      targets: listTargets(ownCommand.name, baselineCommand.name, passesCommand.name),
      runMetadata: {
        ffmpeg: tools.version,
        profile: showcaseProfile,
        clips: clips.map(({ name, bytes }) => ({ name, bytes })),
      },
    };
  },
  renderReport: renderEncodeReport,
};

interface Subject {
  readonly clip: Clip;
  readonly source: SourceFacts;
  readonly folder: string;
}

function listTargets(ours: string, a: string, b: string) {
  return [
    atLeast('videos per minute / (a)', [ours, 'videosPerMinute'], 1.9, [a, 'videosPerMinute']),
    atLeast('videos per minute / (b)', [ours, 'videosPerMinute'], 5.5, [b, 'videosPerMinute']),
    atLeast('videos per CPU minute / (a)', [a, 'cpuSeconds'], 1.9, [ours, 'cpuSeconds']),
    atLeast('videos per CPU minute / (b)', [b, 'cpuSeconds'], 5.5, [ours, 'cpuSeconds']),
    atMost('bytes / (a)', [ours, 'sizeMiB'], 1.1, [a, 'sizeMiB']),
    atMost('memory per job / (a)', [ours, 'peakMemoryMiB'], 0.8, [a, 'peakMemoryMiB']),
    atMost('mean SSIM below (a)', [ours, 'ssimBelowBaseline'], 0.0003),
  ];
}

type Comparison = ReturnType<typeof openComparison>;

/** Compares a rendition with its source once: a command makes the same picture in every round. */
function openComparison(ffmpeg: string, ffmpegWithVmaf: string | undefined) {
  const known = new Map<string, Figures>();
  return {
    baselineSsim: Number.NaN,
    async measure(command: EncodeCommand, { clip, source, folder }: Subject): Promise<Figures> {
      const key = `${command.name} ${clip.path}`;
      const earlier = known.get(key);
      if (earlier !== undefined) return earlier;
      const figures: Record<string, number> = {
        ssim: await measureSsim(ffmpeg, folder, clip, source, command.isOurs),
      };
      if (ffmpegWithVmaf !== undefined) {
        figures['vmaf'] = await measureVmaf(ffmpegWithVmaf, folder, clip, command.isOurs);
      }
      known.set(key, figures);
      return figures;
    },
  };
}

function candidate(
  command: EncodeCommand,
  ffmpeg: string,
  subjects: readonly Subject[],
  comparison: Comparison,
): Candidate {
  return {
    name: command.name,
    async run({ isWarmUp }) {
      const chosen = isWarmUp ? subjects.slice(0, 1) : subjects;
      const startedAt = performance.now();
      const costs = await mapAtOnce(chosen, command.atOnce, ({ folder, source }) =>
        command.encode(ffmpeg, folder, source),
      );
      const minutes = (performance.now() - startedAt) / 60_000;
      const similarities = await mapAtOnce(chosen, availableParallelism(), (each) => comparison.measure(command, each));
      const rows = chosen.map(({ folder }, i): Record<string, number> => {
        const sizeMiB = statSync(join(folder, jobFiles.rendition)).size / 1024 / 1024;
        return { ...costs[i], sizeMiB, ...similarities[i] };
      });
      const sum = (figure: string) => rows.reduce((total, row) => total + (row[figure] ?? Number.NaN), 0);
      const ssim = sum('ssim') / rows.length;
      if (command === baselineCommand) comparison.baselineSsim = ssim;
      return {
        videosPerMinute: chosen.length / minutes,
        cpuSeconds: sum('cpuSeconds'),
        sizeMiB: sum('sizeMiB'),
        peakMemoryMiB: Math.max(...rows.map((row) => row['peakMemoryMiB'] ?? 0)),
        ssim,
        ...(command.isOurs ? { ssimBelowBaseline: comparison.baselineSsim - ssim } : {}),
        ...('vmaf' in (rows[0] ?? {}) ? { vmaf: sum('vmaf') / rows.length } : {}),
        ...perClip(rows, chosen),
      };
    },
  };
}

/** Maps `items` in their order, at most `atOnce` at a time. */
async function mapAtOnce<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const runNext = async () => {
    for (const [i, item] of left) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, runNext));
  return results;
}

/** Adds the figures of each clip, as `ssim of NAME`, because a mean hides a single bad clip. */
function perClip(rows: readonly Record<string, number>[], subjects: readonly Subject[]): Figures {
  const entries = rows.flatMap((row, i) =>
    Object.entries(row).map(([figure, value]) => [`${figure} of ${subjects[i]?.clip.name}`, value] as const),
  );
  return Object.fromEntries(entries);
}
