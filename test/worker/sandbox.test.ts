import { execFileSync } from 'node:child_process';
import { chmod, copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runTool } from '../../worker/ffmpeg.ts';
import { openSandbox, type SandboxOptions } from '../../worker/sandbox.ts';
import { makeFolder, openParts } from './support/clips.ts';
import { isRoot } from './support/sandbox-matrix.ts';

const never = new AbortController().signal;
const limiters = ['setpriv', 'prlimit'];

t.test('where nothing isolates the worker refuses, with what to install', async (t) => {
  const places = [await makePlace(t, limiters)];
  await t.rejects(open(t, { allowsUnsandboxed: false, places }), {
    name: 'ConfigError',
    message:
      /^Cannot start: .*apt-get install bubblewrap.*ALLOW_UNSANDBOXED=on.*bubblewrap: bubblewrap is not installed; .*perl is not installed/,
  });
});

t.test('where it is allowed a tool is a plain child, and the sandbox says so and why', async (t) => {
  const places = [await makePlace(t, limiters)];
  t.match(await open(t, { allowsUnsandboxed: true, places }), {
    mode: 'none',
    isolates: false,
    description: /^NOT isolated/,
    warning: /bubblewrap is not installed/,
  });
});

t.test('where nothing bounds a tool nothing isolates it either', async (t) => {
  const places = [await makePlace(t, ['perl'])];
  t.match(await open(t, { allowsUnsandboxed: true, places }), {
    mode: 'none',
    warning: /prlimit and setpriv \(util-linux\) are not installed/,
  });
});

t.test('bubblewrap that may not make namespaces is named with its own words, and the next mode is used', async (t) => {
  const place = await makePlace(t, [...limiters, 'perl']);
  await writeFile(join(place, 'bwrap'), '#!/bin/sh\necho "bwrap: setting up uid map: Permission denied" >&2\nexit 1\n');
  await chmod(join(place, 'bwrap'), 0o755);
  const { mode, warning } = await open(t, { allowsUnsandboxed: true, places: [place] });
  t.match(warning, /bubblewrap: .*setting up uid map/);
  if (isRoot) t.equal(mode, 'own-id');
  else t.not(mode, 'own-id');
});

t.test('the first mode that works is used, and leaves nothing in its folder', async (t) => {
  const { tools, sandbox } = await openParts(t);
  const folder = await makeFolder(t);
  const { mode } = await openSandbox(tools, folder, { allowsUnsandboxed: true });
  t.equal(mode, sandbox.mode);
  t.equal(execFileSync('ls', ['-A', folder]).toString(), '');
});

t.test('a tool that lies among temporary files is found from within, and what lies beside it is not', async (t) => {
  const { tools, sandbox } = await openParts(t);
  const place = await makeFolder(t);
  const ffprobe = join(place, 'ffprobe');
  await copyFile(tools.ffprobe, ffprobe);
  await writeFile(join(place, 'secret'), 'secret');
  const { mode, wrap } = await openSandbox({ ...tools, ffprobe }, await makeFolder(t), { allowsUnsandboxed: true });
  t.equal(mode, sandbox.mode);
  const folder = await makeFolder(t);
  const command = wrap(folder, ffprobe, ['-version'], { cpuSeconds: 5 });
  t.match(await runTool({ ...command, folder, wallMs: 20_000, signal: never }), { code: 0 });
  if (mode === 'none') return;
  const list = wrap(folder, '/bin/ls', [place], { cpuSeconds: 5 });
  t.match(await runTool({ ...list, folder, wallMs: 20_000, signal: never }), { output: 'ffprobe\n' });
});

/** A folder with these programs and no others. */
async function makePlace(t: Test, names: readonly string[]): Promise<string> {
  const folder = await makeFolder(t);
  for (const name of names) await symlink(execFileSync('which', [name]).toString().trim(), join(folder, name));
  return folder;
}

async function open(t: Test, options: SandboxOptions) {
  const { tools } = await openParts(t);
  return openSandbox(tools, await makeFolder(t), options);
}
