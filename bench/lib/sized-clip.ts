import { appendFileSync, statSync, truncateSync } from 'node:fs';
import { runTool } from '../../scripts/lib/run-tool.ts';

const seconds = 30;
const MiB = 1024 * 1024;

/**
 * Makes half a minute of 1920x1080 with exactly `sizeMiB`: the encoder aims at nine tenths of the size, and a `free` box, which
 * players skip, fills the rest.
 */
export async function makeSizedClip(ffmpeg: string, path: string, sizeMiB: number): Promise<string> {
  const bitsPerSecond = Math.floor((sizeMiB * MiB * 8 * 0.9) / seconds);
  const source = `testsrc2=size=1920x1080:rate=30:duration=${seconds}`;
  const input = ['-v', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', source, '-vf', 'noise=alls=12:allf=t'];
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  const rate = ['-b:v', '-maxrate', '-bufsize'].flatMap((option) => [option, String(bitsPerSecond)]);
  await runTool('nice', ['-n', '10', ffmpeg, ...input, ...encoder, ...rate, path]);
  const missing = sizeMiB * MiB - statSync(path).size;
  if (missing < 8) throw new Error(`Expected a clip of less than ${sizeMiB} MiB, got ${-missing} bytes more`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(missing, 0);
  head.write('free', 4, 'latin1');
  appendFileSync(path, head);
  truncateSync(path, sizeMiB * MiB);
  return path;
}
