import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ProcessCrashedError, runTool } from '../../worker/ffmpeg.ts';
import { jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { inputGuards } from '../../worker/input-guards.ts';
import { probeSource } from '../../worker/probe.ts';
import type { Sandbox } from '../../worker/sandbox.ts';
import { makeClip, makeFolder, makeJobFolder, openParts } from './support/clips.ts';
import { type Disguise, listen, makeDisguises } from './support/disguises.ts';

// An SDP makes a tool wait for seconds.
t.jobs = 4;

const never = new AbortController().signal;
const neighbour = 'beside.mp4';

t.test('without guards and sandbox, disguised files do reach the canary and the network', async (t) => {
  const corpus = await openCorpus(t);
  const { canaryBytes } = await corpus.playAll(open, trustful);
  // From version 7.1 on FFmpeg takes a list for one only by its name: so it is named.
  const { calls } = await corpus.playAll(open, [...trustful, '-f', 'hls'], ({ name }) => name.includes('HLS'));
  t.comment(`${canaryBytes} bytes of the canary and ${calls} calls by ${corpus.disguises.length} disguises`);
  t.ok(canaryBytes > 0, 'else nothing below would prove anything');
  t.ok(calls > 0);
});

t.test('with the guards alone no disguised file reads another file or reaches an address', async (t) => {
  const corpus = await openCorpus(t);
  t.strictSame(await corpus.playAll(open, inputGuards), { canaryBytes: 0, calls: 0 });
});

t.test('with the sandbox alone no disguised file reads a file outside or reaches an address', async (t) => {
  const corpus = await openCorpus(t);
  const { sandbox } = corpus.parts;
  if (!sandbox.isolates) return void t.plan(0, `this machine has no sandbox: ${sandbox.warning}`);
  // What lies in a job's own folder is the job's own.
  const outside = await corpus.playAll(sandbox, trustful, ({ text }) => !text.includes(`'${neighbour}'`));
  t.strictSame(outside, { canaryBytes: 0, calls: 0 });
});

t.test('the worker’s probe refuses every disguised file', async (t) => {
  const { parts, disguises } = await openCorpus(t);
  for (const { name, text } of disguises) {
    const folder = await makeJobFolder(t, (path) => writeFile(path, text));
    await t.rejects(probeSource(parts, folder, never), { name: 'InvalidVideoError' }, name);
  }
});

/** No format is named, and what FFmpeg bars of its own accord, other protocols from within a file, is let through too. */
const trustful = ['-protocol_whitelist', 'file,http,tcp,udp,rtp,concat,subfile,crypto,data'];

/** Runs a tool as it is. */
const open: Sandbox = {
  isolates: false,
  warning: undefined,
  wrap: (_folder, tool, args) => ({ command: tool, args: [...args] }),
};

async function openCorpus(t: Test) {
  const parts = await openParts(t);
  const listener = await listen(t);
  const canary = join(await makeFolder(t), 'canary.mp4');
  await makeClip('64x64', 1, '25')(canary);
  const marks = readMarks(await readFile(canary));
  const disguises = makeDisguises(canary, neighbour, listener.port);

  async function play({ name, text }: Disguise, sandbox: Sandbox, guards: readonly string[]): Promise<number> {
    const folder = await makeJobFolder(t, (path) => writeFile(path, text));
    await copyFile(canary, join(folder, neighbour));
    const input = ['-v', 'error', ...guards, '-i', jobFiles.source];
    const runs: [string, string[]][] = [
      [parts.tools.ffprobe, [...input, '-show_format', '-show_streams']],
      [parts.tools.ffmpeg, ['-nostdin', '-y', ...input, '-c', 'copy', '-f', 'nut', 'copied.nut']],
    ];
    for (const [tool, args] of runs) {
      const run = { ...sandbox.wrap(folder, tool, args, 20), folder, wallMs: 3_000, signal: never };
      // For an SDP the tools wait until a packet arrives.
      await runTool(run).catch((error: unknown) => t.type(error, ProcessCrashedError));
    }
    await rm(join(folder, neighbour));
    const stolen = await countMarks(folder, marks);
    if (stolen > 0) t.comment(`${name}: ${stolen} bytes of the canary`);
    return stolen;
  }

  return {
    parts,
    disguises,
    async playAll(sandbox: Sandbox, guards: readonly string[], isWanted = (_: Disguise) => true) {
      let canaryBytes = 0;
      for (const each of disguises.filter(isWanted)) canaryBytes += await play(each, sandbox, guards);
      return { canaryBytes, calls: listener.connections() };
    },
  };
}

const markBytes = 16;

/** Pieces of the canary's media: copied packets hold them unchanged. */
function readMarks(bytes: Buffer): Buffer[] {
  const start = bytes.indexOf('mdat') + 4;
  const marks: Buffer[] = [];
  for (let at = start; at + markBytes <= bytes.length; at += markBytes) marks.push(bytes.subarray(at, at + markBytes));
  return marks;
}

/** Of the files that a tool wrote. */
async function countMarks(folder: string, marks: readonly Buffer[]): Promise<number> {
  let found = 0;
  for (const name of await readdir(folder)) {
    if (name === jobFiles.source || name === jobFiles.logo) continue;
    const bytes = await readFile(join(folder, name));
    found += marks.filter((mark) => bytes.includes(mark)).length * markBytes;
  }
  return found;
}
