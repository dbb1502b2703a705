import t from 'tap';
import { ffmpegArguments } from '../../worker/ffmpeg-arguments.ts';
import { frameRate } from '../../worker/frame-rate.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';

const source: SourceFacts = {
  streamIndex: 0,
  codec: 'h264',
  width: 1920,
  height: 1080,
  seconds: 60,
  indexedSeconds: 60,
  startSeconds: 0,
  frameSeconds: every(1001 / 30_000, 60),
  pixelFormat: 'yuv420p',
  declaredRates: ['30000/1001'],
  matrix: 'bt709',
  transfer: 'bt709',
  primaries: 'bt709',
  range: 'tv',
  isMarkedInterlaced: false,
  interlacing: undefined,
};

/** When frames begin that come every `step` seconds. */
function every(step: number, seconds: number, from = 0): number[] {
  return Array.from({ length: Math.round(seconds / step) }, (_, i) => from + i * step);
}

const graphOf = (facts: Partial<SourceFacts>, profile = showcaseProfile) => {
  const args = ffmpegArguments(profile, { ...source, ...facts }, 1);
  return args[args.indexOf('-filter_complex') + 1] ?? '';
};

t.test('every guard and the length stand before the input they are for', async (t) => {
  const args = ffmpegArguments(showcaseProfile, source, 2);
  const input = args.indexOf('-i');
  for (const option of ['-protocol_whitelist', '-f', '-codec_whitelist', '-max_pixels', '-t']) {
    const at = args.indexOf(option);
    t.ok(at >= 0 && at < input, `${option} comes before -i`);
  }
  t.equal(args[args.indexOf('-protocol_whitelist') + 1], 'file');
  t.equal(args[args.indexOf('-f') + 1], 'mov');
  t.equal(args[input + 1], 'source.mp4');
});

t.test('what can be set is taken from the profile', async (t) => {
  const profile = {
    ...showcaseProfile,
    seconds: 12,
    width: 640,
    height: 360,
    crf: 30,
    preset: 'fast',
    logoMarginPixels: 5,
  };
  const args = ffmpegArguments(profile, source, 1);
  const lastOf = (option: string) => args[args.lastIndexOf(option) + 1];
  t.equal(lastOf('-crf'), '30');
  t.equal(lastOf('-preset'), 'fast');
  t.equal(lastOf('-t'), '12');
  t.equal(args[args.indexOf('-t') + 1], '12');
  t.match(graphOf({}, profile), 'pad=640:360');
  t.match(graphOf({}, profile), 'overlay=W-w-5:5');
});

t.test('sound, subtitles, chapters and metadata are left out, and the file begins with its index', async (t) => {
  const args = ffmpegArguments(showcaseProfile, source, 1);
  for (const option of ['-an', '-sn', '-dn']) t.ok(args.includes(option));
  t.equal(args[args.indexOf('-map_metadata') + 1], '-1');
  t.equal(args[args.indexOf('-movflags') + 1], '+faststart');
});

t.test('threads are bound for decoder, filters and encoder', async (t) => {
  for (const threads of [1, 2]) {
    const args = ffmpegArguments(showcaseProfile, source, threads);
    t.equal(args[args.indexOf('-threads') + 1], String(threads));
    t.equal(args[args.lastIndexOf('-threads') + 1], String(threads));
    t.equal(args[args.indexOf('-filter_complex_threads') + 1], String(threads));
  }
});

t.test('colours are read as the file says, and as players assume where it says nothing', async (t) => {
  t.match(graphOf({}), 'min=709:tin=709:pin=709');
  t.match(graphOf({ matrix: '', width: 640, height: 360 }), 'min=170m');
  t.match(graphOf({ matrix: 'unknown', width: 1280, height: 720 }), 'min=709');
  t.match(graphOf({ matrix: '', width: 576, height: 1024 }), 'min=709', 'an upright picture by its lines, too');
  t.match(graphOf({ matrix: 'bt470bg' }), 'min=470bg');
  t.match(graphOf({ primaries: 'smpte432' }), 'pin=smpte432');
  t.match(graphOf({ matrix: 'text;drawtext', primaries: 'x,y' }), 'min=709:tin=709:pin=709');
  t.notMatch(graphOf({}), 'tonemap');
});

t.test('HDR is mapped to what an ordinary screen shows', async (t) => {
  for (const transfer of ['smpte2084', 'arib-std-b67']) {
    const graph = graphOf({ transfer, matrix: 'bt2020nc', primaries: 'bt2020', pixelFormat: 'yuv420p10le' });
    t.match(graph, `min=2020_ncl:tin=${transfer}:pin=bt2020`);
    t.match(graph, 'tonemap');
  }
});

t.test('the rate is the source’s own, a usual one where it varies, and never above the bound', async (t) => {
  const rate = (frameSeconds: number[], ...declaredRates: string[]) =>
    frameRate(showcaseProfile, { ...source, frameSeconds, declaredRates });
  t.equal(rate(every(1001 / 30_000, 10), '30000/1001'), '30000/1001');
  t.equal(rate(every(6 / 179, 10), '90000/1', '179/6'), '179/6', 'the declared one that is true');
  t.equal(rate(every(1 / 48, 10), '90000/1'), '48', 'none that is declared is true');
  t.equal(rate(every(1 / 120, 10), '120/1'), '60');
  t.equal(rate(every(1 / 12, 10), '12/1'), '12');
  t.equal(rate(every(4, 60), '1/4'), '40/4', 'a slide show gets frames to seek to, in step with its own');
  const uneven = every(1 / 27, 10).map((second, i) => second + (i % 2) * 0.02);
  t.equal(rate(uneven, '90000/1'), '30');
  t.equal(rate([0], '1/10'), '10', 'one frame');
});

t.test('a still lowers no rate: that of the motion is kept', async (t) => {
  const rate = (frameSeconds: number[]) =>
    frameRate(showcaseProfile, { ...source, frameSeconds, declaredRates: ['90000/1', '12/1'] });
  t.equal(rate([...every(1 / 30, 3), ...every(1 / 30, 3, 22)]), '30');
  t.equal(rate([...every(1 / 60, 3), ...every(1 / 60, 3, 22)]), '60');
  t.equal(rate([...every(1 / 20, 5), ...every(1 / 30, 5, 5)]), '30', 'a phone in the dark and then in the light');
  t.equal(rate([...every(1 / 30, 2), ...every(1, 10, 2)]), '30', 'mostly a slide show');
});

t.test('the poster is the frame shown after a second, or the first of a clip too short for that', async (t) => {
  t.match(graphOf({}), 'select=gte(t\\,0.967)');
  t.match(graphOf({ frameSeconds: [0, 0.4, 22] }), 'select=gte(t\\,0.399)');
  t.match(graphOf({ frameSeconds: [0] }), 'select=gte(t\\,0.000)');
  t.match(graphOf({ seconds: 1.2 }), 'select=gte(t\\,0)');
});

t.test('a last frame that lasts is held, and one that ends with the others is not', async (t) => {
  t.match(graphOf({}), 'shortest=1');
  t.match(graphOf({ frameSeconds: every(1 / 30, 3), seconds: 3 }), 'shortest=1');
  t.notMatch(graphOf({ frameSeconds: every(1 / 30, 3), seconds: 43 }), 'shortest=1');
  t.notMatch(graphOf({ frameSeconds: [...every(1 / 30, 3), 40], seconds: 41 }), 'shortest=1', 'a gap beyond the end');
});

t.test('what is too fast is dropped before it is scaled, and nothing else', async (t) => {
  t.match(graphOf({ frameSeconds: every(1 / 120, 10) }), /select=[^[]*zscale/);
  t.notMatch(graphOf({}), 'prev_selected_t');
});
