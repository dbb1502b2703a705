import { mkdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { readMachine } from '../../worker/machine.ts';
import { probeSource } from '../../worker/probe.ts';
import { type Profile, showcaseProfile } from '../../worker/profile.ts';
import { openSandbox } from '../../worker/sandbox.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import { workerCapacity } from '../../worker/tool-limits.ts';
import { findTools } from '../../worker/tools.ts';
import type { BenchCase, Candidate, Figures, Target } from '../lib/bench-case.ts';
import { type Clip, prepareClips } from '../lib/encode-clips.ts';
import { writeEncodeReport } from '../lib/encode-report.ts';
import { baselineCommand, layOut, ownWay, passesWay, type Way } from '../lib/encode-ways.ts';
import { measureSsim, measureVmaf } from '../lib/similarity.ts';

const ours = 'ours';

const lookAhead = 'mbtree=1:rc-lookahead=17:aq-mode=2:subme=2';
const deadZones = 'deadzone-inter=8:deadzone-intra=5';
const rest = 'qcomp=0.5:b-adapt=0';

/** What was tried beside the profile in use; crf brings each to about as many bytes. */
const variants: Readonly<Record<string, Partial<Profile> & { readonly crf: number }>> = {
  'with the usual dead zones': { crf: 21.1, x264Params: `${lookAhead}:${rest}:weightp=1:partitions=i8x8` },
  'with all parts a key frame can have': { crf: 22.6, x264Params: `${lookAhead}:${deadZones}:${rest}:weightp=1` },
  'showcase-4: so, and no weights': { crf: 22.6, x264Params: `${lookAhead}:${deadZones}:${rest}:weightp=0` },
  'with B-frames in parts of 8x8': {
    crf: 22.7,
    x264Params: `${lookAhead}:${deadZones}:${rest}:weightp=1:partitions=b8x8,i8x8,i4x4`,
  },
  'superfast as it is': { crf: 26, x264Params: 'mbtree=0' },
  veryfast: { crf: 21.5, preset: 'veryfast', x264Params: 'rc-lookahead=10:aq-mode=2' },
};

/**
 * BENCH_MEDIA names folders of filmed MP4s (with `:` between them) to be encoded beside the made ones; BENCH_VMAF_FFMPEG an
 * FFmpeg with libvmaf.
 */
export const benchCase: BenchCase = {
  name: 'encode',
  summary: 'CPU time, size and likeness of a rendition: the profile in use, variants, and two usual ways',
  async open(defer) {
    const { FFMPEG_PATH, FFPROBE_PATH, PATH, BENCH_MEDIA, BENCH_VMAF_FFMPEG } = process.env;
    const tools = await findTools({ ffmpegPath: FFMPEG_PATH, ffprobePath: FFPROBE_PATH, searchPath: PATH ?? '' });
    const folder = makeBenchFolder(defer);
    const sandbox = await openSandbox(tools, folder, { allowsUnsandboxed: true });
    const capacity = workerCapacity(readMachine({ cores: 0, memoryMiB: 0 }));
    const mediaFolders = (BENCH_MEDIA ?? '').split(':').filter((path) => path !== '');
    const prepared = await prepareClips(tools.ffmpeg, join(folder, 'clips'), mediaFolders);
    // The largest first, so that the runners of a round end together: a queue under load has no end at which one of them idles.
    const clips = [...prepared].sort((a, b) => b.bytes - a.bytes);
    const subjects: Subject[] = [];
    for (const clip of clips) {
      const work = join(folder, `work-${subjects.length}`);
      mkdirSync(work);
      layOut(work, clip);
      const source = await probeSource({ tools, sandbox, capacity }, work, new AbortController().signal);
      subjects.push({ clip, source, folder: work });
    }
    const ways: Way[] = [
      baselineCommand,
      passesWay,
      ownWay(ours, showcaseProfile, 1),
      ownWay('ours, two threads', showcaseProfile, 2),
      ...Object.entries(variants).map(([name, change]) =>
        ownWay(`${name}, crf ${change.crf}`, { ...showcaseProfile, ...change }, 1),
      ),
    ];
    const judge = openJudge(tools.ffmpeg, BENCH_VMAF_FFMPEG);
    return {
      candidates: ways.map((way) => candidate(way, tools.ffmpeg, subjects, judge)),
      targets,
      runMetadata: {
        ffmpeg: tools.version,
        profile: showcaseProfile,
        clips: clips.map(({ name, bytes }) => ({ name, bytes })),
      },
    };
  },
  writeReport: writeEncodeReport,
};

interface Subject {
  readonly clip: Clip;
  readonly source: SourceFacts;
  readonly folder: string;
}

const targets: Target[] = [
  {
    what: 'videos a minute / (a)',
    of: [ours, 'videosPerMinute'],
    against: [baselineCommand.name, 'videosPerMinute'],
    is: '>=',
    bound: 1.9,
  },
  {
    what: 'videos a minute / (b)',
    of: [ours, 'videosPerMinute'],
    against: [passesWay.name, 'videosPerMinute'],
    is: '>=',
    bound: 5.5,
  },
  {
    what: 'videos a CPU minute / (a)',
    of: [baselineCommand.name, 'cpuSeconds'],
    against: [ours, 'cpuSeconds'],
    is: '>=',
    bound: 1.9,
  },
  {
    what: 'videos a CPU minute / (b)',
    of: [passesWay.name, 'cpuSeconds'],
    against: [ours, 'cpuSeconds'],
    is: '>=',
    bound: 5.5,
  },
  { what: 'bytes / (a)', of: [ours, 'sizeMiB'], against: [baselineCommand.name, 'sizeMiB'], is: '<=', bound: 1.1 },
  {
    what: 'memory a job / (a)',
    of: [ours, 'peakMemoryMiB'],
    against: [baselineCommand.name, 'peakMemoryMiB'],
    is: '<=',
    bound: 0.8,
  },
  { what: 'mean SSIM below (a)', of: [ours, 'ssimBelowObvious'], is: '<=', bound: 0.0003 },
];

type Judge = ReturnType<typeof openJudge>;

/** The same command gives the same picture each time: it is looked at once. */
function openJudge(ffmpeg: string, ffmpegWithVmaf: string | undefined) {
  const known = new Map<string, Figures>();
  return {
    baselineSsim: Number.NaN,
    async look(way: Way, { clip, source, folder }: Subject): Promise<Figures> {
      const key = `${way.name} ${clip.path}`;
      const earlier = known.get(key);
      if (earlier !== undefined) return earlier;
      const figures: Record<string, number> = {
        ssim: await measureSsim(ffmpeg, folder, clip, source, way.isOurs),
      };
      if (ffmpegWithVmaf !== undefined) {
        figures['vmaf'] = await measureVmaf(ffmpegWithVmaf, folder, clip, way.isOurs);
      }
      known.set(key, figures);
      return figures;
    },
  };
}

function candidate(way: Way, ffmpeg: string, subjects: readonly Subject[], judge: Judge): Candidate {
  return {
    name: way.name,
    async run({ isWarmUp }) {
      const chosen = isWarmUp ? subjects.slice(0, 1) : subjects;
      const startedAt = performance.now();
      const costs = await mapAtOnce(chosen, way.atOnce, ({ folder, source }) => way.encode(ffmpeg, folder, source));
      const minutes = (performance.now() - startedAt) / 60_000;
      const looks = await mapAtOnce(chosen, availableParallelism(), (subject) => judge.look(way, subject));
      const rows = chosen.map(({ folder }, i): Record<string, number> => {
        const sizeMiB = statSync(join(folder, jobFiles.rendition)).size / 1024 / 1024;
        return { ...costs[i], sizeMiB, ...looks[i] };
      });
      const ssim = mean(rows, 'ssim');
      if (way === baselineCommand) judge.baselineSsim = ssim;
      return {
        videosPerMinute: chosen.length / minutes,
        cpuSeconds: sum(rows, 'cpuSeconds'),
        sizeMiB: sum(rows, 'sizeMiB'),
        peakMemoryMiB: Math.max(...rows.map((row) => row['peakMemoryMiB'] ?? 0)),
        ssim,
        ...(way.isOurs ? { ssimBelowBaseline: judge.baselineSsim - ssim } : {}),
        ...('vmaf' in (rows[0] ?? {}) ? { vmaf: mean(rows, 'vmaf') } : {}),
        ...perClip(rows, subjects),
      };
    },
  };
}

/** In the order of `items`, so many under way at once. */
async function mapAtOnce<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const go = async () => {
    for (const [i, item] of left) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, go));
  return results;
}

/** `ssim of NAME`, so that the report can show which clip a mean hides. */
function perClip(rows: readonly Record<string, number>[], subjects: readonly Subject[]): Figures {
  const entries = rows.flatMap((row, i) =>
    Object.entries(row).map(([figure, value]) => [`${figure} of ${subjects[i]?.clip.name}`, value] as const),
  );
  return Object.fromEntries(entries);
}

function sum(rows: readonly Record<string, number>[], figure: string): number {
  return rows.reduce((total, row) => total + (row[figure] ?? Number.NaN), 0);
}

function mean(rows: readonly Record<string, number>[], figure: string): number {
  return sum(rows, figure) / rows.length;
}
