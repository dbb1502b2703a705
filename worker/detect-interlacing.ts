import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './ffmpeg.ts';
import { jobFiles } from './ffmpeg-arguments.ts';
import { motionRate } from './frame-rate.ts';
import { inputGuards } from './input-guards.ts';
import { probeWallMs } from './limits.ts';
import type { ProbeDeps } from './probe-deps.ts';
import type { SourceFacts } from './source-facts.ts';
import { toolLimits } from './tool-limits.ts';

type Fields = 'tff' | 'bff' | 'progressive';

/**
 * Resolves to the field that comes first, or to undefined for progressive pictures. The file's flag is unreliable: cameras flag
 * progressive pictures as interlaced, and digitised tapes have no flag. A few frames are therefore compared, but only of sources
 * that may be interlaced, since it costs as much as encoding some twenty frames.
 */
export async function detectInterlacing(
  { tools, sandbox, capacity }: ProbeDeps,
  folder: string,
  source: SourceFacts,
  signal: AbortSignal,
): Promise<SourceFacts['interlacing']> {
  if (!mayBeInterlaced(source)) return undefined;
  const middle = Math.min(source.seconds, comparedSeconds) / 2;
  const args = [
    ...['-hide_banner', '-nostdin', '-nostats', '-y', '-v', 'info', '-threads', '1', '-filter_threads', '1'],
    // Starts at the key frame before the middle, where more moves than at the start.
    ...['-noautorotate', '-noaccurate_seek', '-ss', middle.toFixed(3), ...inputGuards, '-i', jobFiles.source],
    ...['-map', `0:${source.streamIndex}`, '-vf', `format=gray,scale=${sampleWidth}:ih:flags=neighbor`],
    ...['-frames:v', String(comparedFrames), '-f', 'rawvideo', sampleFile],
  ];
  const limits = toolLimits(capacity, source, 1);
  const runLimits = { cpuSeconds: Math.ceil(probeWallMs / 1000), bounds: limits, outputs: [sampleFile] };
  const wrapped = sandbox.wrap(folder, tools.ffmpeg, args, runLimits);
  await runTool({ ...wrapped, folder, wallMs: probeWallMs, signal });
  const path = join(folder, sampleFile);
  const pixels = await readFile(path).catch(emptyWithoutFile);
  await rm(path, { force: true });
  const fields = compareFields(pixels, sampleWidth, source.height);
  // Without motion the file's flag decides.
  if (fields === undefined) return source.isMarkedInterlaced ? 'tff' : undefined;
  return fields === 'progressive' ? undefined : fields;
}

/** Returns no bytes when FFmpeg wrote no file because it decoded no frame. Other read errors are the machine's. */
function emptyWithoutFile(error: NodeJS.ErrnoException): Buffer {
  if (error.code === 'ENOENT') return Buffer.alloc(0);
  throw error;
}

const comparedSeconds = 30;
const comparedFrames = 8;
/** Width of the samples. Columns can be left out, since interlacing artefacts run along the lines. */
const sampleWidth = 240;
const sampleFile = 'fields.gray';
/** Heights of interlaced formats, some with the padding of encoders to whole blocks. */
const interlacedHeights = new Set([480, 486, 576, 1080, 1088]);
const interlacedFramesPerSecondMax = 31;

function mayBeInterlaced(source: SourceFacts): boolean {
  if (source.isMarkedInterlaced) return true;
  if (!interlacedHeights.has(source.height) || source.width < source.height) return false;
  return (motionRate(source.frameSeconds) ?? Number.POSITIVE_INFINITY) <= interlacedFramesPerSecondMax;
}

/**
 * Compares how jagged each frame is with how jagged it would be if one of its fields came from the next frame. Both exchanges make
 * a progressive frame more jagged, because its fields belong together. When the top field is the earlier one, exchanging it for
 * that of the next frame makes the frame no more jagged. Returns undefined when nothing moves.
 */
export function compareFields(pixels: Buffer, width: number, height: number): Fields | undefined {
  const frameBytes = width * height;
  let [own, nextTop, nextBottom] = [0, 0, 0];
  for (let at = 0; at + 2 * frameBytes <= pixels.length; at += frameBytes) {
    own += measureJags(pixels, at, at, width, height);
    nextTop += measureJags(pixels, at + frameBytes, at, width, height);
    nextBottom += measureJags(pixels, at, at + frameBytes, width, height);
  }
  const worse = Math.max(nextTop, nextBottom) - own;
  if (worse <= own * 0.01) return undefined;
  const isProgressive = Math.min(nextTop, nextBottom) - own > worse / 2;
  if (isProgressive) return 'progressive';
  return nextTop < nextBottom ? 'tff' : 'bff';
}

/** Sums the differences between the lines of one field and the adjacent lines of the other. */
function measureJags(pixels: Buffer, top: number, bottom: number, width: number, height: number): number {
  let sum = 0;
  for (let line = 1; line + 1 < height; line += 1) {
    const [field, other] = line % 2 === 0 ? [top, bottom] : [bottom, top];
    const here = field + line * width;
    const [above, below] = [other + (line - 1) * width, other + (line + 1) * width];
    for (let x = 0; x < width; x += 1) {
      sum += Math.abs(2 * (pixels[here + x] ?? 0) - (pixels[above + x] ?? 0) - (pixels[below + x] ?? 0));
    }
  }
  return sum;
}
