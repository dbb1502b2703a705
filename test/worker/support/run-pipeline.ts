import type { Test } from 'tap';
import { ffmpegArguments } from '../../../worker/ffmpeg-arguments.ts';
import { openPool, type Pool } from '../../../worker/pool.ts';
import { probeRendition, probeSource } from '../../../worker/probe.ts';
import { showcaseProfile } from '../../../worker/profile.ts';
import type { SourceFacts } from '../../../worker/source-facts.ts';
import { makeJobFolder, openParts } from './clips.ts';

const never = new AbortController().signal;

export async function openTranscode(t: Test) {
  const parts = await openParts(t);
  const pool: Pool = openPool(1);
  t.teardown(() => pool.close());
  const transcode = (folder: string, source: SourceFacts) => {
    const command = parts.sandbox.wrap(folder, parts.tools.ffmpeg, ffmpegArguments(showcaseProfile, source, 1), 60);
    const { seconds } = source;
    return pool.transcode({ ...command, folder, wallMs: 60_000, seconds, signal: never, onPercent: () => undefined });
  };
  return { parts, transcode };
}

/** Returns a function that probes, transcodes and checks as a job does, and resolves to the job's folder. */
export async function openEdit(
  t: Test,
): Promise<(t: Test, make: (path: string) => Promise<unknown>) => Promise<string>> {
  const { parts, transcode } = await openTranscode(t);
  return async (t, make) => {
    const folder = await makeJobFolder(t, make);
    const source = await probeSource(parts, folder, never);
    t.match(await transcode(folder, source), { cpuSeconds: Number, peakBytes: Number });
    await probeRendition(parts, folder, showcaseProfile, source, never);
    return folder;
  };
}
