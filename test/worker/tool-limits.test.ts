import t from 'tap';
import { ffmpegArguments } from '../../worker/ffmpeg-arguments.ts';
import { toolThreadsMax } from '../../worker/limits.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import {
  expectedMemoryBytes,
  largestPicture,
  toolLimits,
  usefulJobThreads,
  usefulThreads,
  workerCapacity,
} from '../../worker/tool-limits.ts';

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;
const small = { width: 320, height: 180, pixelFormat: 'yuv420p' };
const hlg = { width: 1920, height: 1080, pixelFormat: 'yuv420p10le' };
const uhd = { width: 3840, height: 2160, pixelFormat: 'yuv420p10le' };

t.test('cores and memory of a machine decide how many threads run at once, and how many one job gets', async (t) => {
  const table: [cores: number, memoryGiB: number, usable: number, threadsMax: number][] = [
    [1, 1, 1, 1],
    [1, 2, 1, 1],
    [2, 1, 1, 1],
    [2, 2, 2, 2],
    [2, 4, 2, 2],
    [4, 4, 4, 4],
    [4, 8, 4, 4],
    [8, 4, 4, 4],
    [8, 16, 8, 8],
    [12, 24, 12, 8],
    [16, 4, 4, 4],
    [16, 32, 16, 8],
    [32, 64, 32, 8],
    [48, 16, 18, 8],
    [64, 2, 2, 2],
    [64, 128, 64, 8],
  ];
  for (const [cores, memoryGiB, usable, threadsMax] of table) {
    const capacity = workerCapacity({ cores, memoryBytes: memoryGiB * GiB });
    t.match(capacity, { cores: usable, threadsMax }, `${cores} cores and ${memoryGiB} GiB`);
  }
});

t.test(
  'on 1 to 64 cores every job gets what its picture is expected to need, and all together no more than there is',
  async (t) => {
    let checked = 0;
    for (let cores = 1; cores <= 64; cores += 1) {
      for (const memoryGiB of [2, 3, 4, 8, 16, 64, 256]) {
        const capacity = workerCapacity({ cores, memoryBytes: memoryGiB * GiB });
        for (const picture of [small, hlg, uhd, largestPicture]) {
          for (let threads = 1; threads <= capacity.threadsMax; threads += 1) {
            const { memoryBytes } = toolLimits(capacity, picture, threads);
            const jobs = Math.floor(capacity.cores / threads);
            const isEnough = memoryBytes >= expectedMemoryBytes(picture, threads);
            if (!isEnough || jobs * memoryBytes > capacity.memoryBytes) t.fail(`${cores} ${memoryGiB} ${threads}`);
            checked += 1;
          }
        }
      }
    }
    t.ok(checked > 4_000, `${checked} combinations`);
  },
);

t.test(
  'a job is allowed twice what its picture needs, at least 1,280 MiB, and never more than its share',
  async (t) => {
    const large = workerCapacity({ cores: 16, memoryBytes: 64 * GiB });
    t.equal(toolLimits(large, small, 2).memoryBytes, 1_280 * MiB);
    t.equal(toolLimits(large, largestPicture, 8).memoryBytes, 2 * expectedMemoryBytes(largestPicture, 8));
    const usual = workerCapacity({ cores: 2, memoryBytes: 2 * GiB });
    t.equal(toolLimits(usual, largestPicture, 1).memoryBytes, 768 * MiB);
    t.equal(toolLimits(usual, small, 2).memoryBytes, 1_280 * MiB);
  },
);

t.test('what is expected is more than what FFmpeg was measured to hold', async (t) => {
  const big = largestPicture;
  const hd = { width: 1920, height: 1080, pixelFormat: 'yuv420p' };
  const deep = { ...largestPicture, pixelFormat: 'yuv444p12le' };
  // MiB of private memory (VmData) of FFmpeg 7.1, with stacks of 2 MiB. 5.1 needs about 100 MiB less.
  const measured = [
    { picture: hd, values: [350, 411, 477, 604] },
    { picture: hlg, values: [449, 513, 586] },
    { picture: big, values: [529, 604, 751, 1_086] },
    { picture: deep, values: [685, 786, 961, 1_353] },
  ];
  for (const { picture, values } of measured) {
    for (const [i, value] of values.entries()) {
      const expected = expectedMemoryBytes(picture, 2 ** i) / MiB;
      t.ok(expected >= value, `${picture.width} ${picture.pixelFormat} ${2 ** i}: ${Math.round(expected)} >= ${value}`);
    }
  }
});

t.test('threads are no more than are useful for the rows of a picture', async (t) => {
  t.same([16, 180, 360, 720, 1080, 2304].map(usefulThreads), [1, 2, 4, 8, 8, 8]);
  t.equal(usefulJobThreads(small, 720), 8, 'the rendition has 720 rows whatever the source');
  t.equal(usefulJobThreads(small, 180), 2);
  for (const threads of [1, 2, 8, 16, 32, 64]) {
    const [filters, decoder, encoder] = readThreads(ffmpegArguments(showcaseProfile, sourceOf(small), threads));
    t.same(
      [filters, decoder, encoder],
      [Math.min(threads, toolThreadsMax), Math.min(threads, 2), Math.min(threads, 8)],
    );
  }
});

function sourceOf(picture: typeof small) {
  const colours = { matrix: '', transfer: '', primaries: '', range: '' };
  const times = { seconds: 6, indexedSeconds: 6, startSeconds: 0, frameSeconds: [0], declaredRates: ['25/1'] };
  const fields = { isMarkedInterlaced: false, interlacing: undefined };
  return { streamIndex: 0, codec: 'h264', ...times, ...colours, ...fields, ...picture };
}

/** In the order of the arguments: filters, decoder, encoder. */
function readThreads(args: readonly string[]): number[] {
  return args.flatMap((each, i) => (/^-(?:filter_complex_)?threads$/.test(each) ? [Number(args[i + 1])] : []));
}
