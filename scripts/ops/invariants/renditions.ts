import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '../../dev/servers/ffmpeg.ts';
import { tryTool } from '../../lib/run-tool.ts';
import { groupBy } from './group-by.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';

export const renditionsPlay: Invariant = {
  number: 2,
  name: 'A processed or public video has exactly one rendition and it plays; any other has none',
  check,
};

interface RenditionRow {
  id: number;
  status: string;
  processed_url: string | null;
  poster_url: string | null;
}

async function check({ sql, objects, config }: CheckDeps): Promise<Finding> {
  const rows = await sql<RenditionRow[]>`select id, status, processed_url, poster_url from videos order by id`;
  const done = rows.filter((row) => row.status === 'processed' || row.status === 'public');
  const breaks: string[] = [];
  for (const row of rows) {
    if (done.includes(row) || (row.processed_url === null && row.poster_url === null)) continue;
    breaks.push(`video ${row.id} is ${row.status} and has a rendition or poster`);
  }
  for (const [key, named] of groupBy(done, (row) => row.processed_url)) {
    if (key !== null && named.length > 1) breaks.push(`videos ${named.map((row) => row.id).join(', ')} share ${key}`);
  }
  const ffmpegPath = config.ffmpegPath ?? (done.length === 0 ? '' : (await findFfmpeg()).ffmpegPath);
  for (const row of done) {
    const fault = await findFault(objects, row, ffmpegPath);
    if (fault !== undefined) breaks.push(`video ${row.id} is ${row.status} and ${fault}`);
  }
  return { checked: `${done.length} renditions decoded, ${rows.length - done.length} videos without one`, breaks };
}

async function findFault(objects: CheckDeps['objects'], row: RenditionRow, ffmpegPath: string) {
  if (row.processed_url === null) return 'has no rendition';
  if ((await objects.headObject(row.processed_url)) === undefined)
    return `its rendition ${row.processed_url} does not exist`;
  if (row.poster_url !== null && (await objects.headObject(row.poster_url)) === undefined) {
    return `its poster ${row.poster_url} does not exist`;
  }
  const path = join(tmpdir(), `rendition-${randomUUID()}.mp4`);
  try {
    await objects.getToFile(row.processed_url, path, AbortSignal.timeout(60_000));
    const input = ['-v', 'error', '-xerror', '-protocol_whitelist', 'file', '-i', path];
    const { code, output } = await tryTool(ffmpegPath, [...input, '-map', '0:v:0', '-f', 'null', '-'], {
      timeoutMs: 120_000,
    });
    // FFmpeg reports a truncated file only in its output, with exit code 0.
    if (code === 0 && output.trim() === '') return undefined;
    return `its rendition ${row.processed_url} does not play: ${output.trim().split('\n')[0] ?? ''}`;
  } finally {
    await rm(path, { force: true });
  }
}
