import { execFileSync } from 'node:child_process';
import { chmod, copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { toolFileMaxBytes } from '../../src/limits.ts';
import { type ProcessCrashedError, runTool, type ToolResult } from '../../worker/ffmpeg.ts';
import { openSandbox, type Sandbox } from '../../worker/sandbox.ts';
import type { ToolBounds } from '../../worker/tool-limits.ts';
import { makeFolder, openParts } from './support/clips.ts';

const never = new AbortController().signal;

t.test(
  'without bubblewrap a tool is a plain child process with the same limits, and the sandbox reports it',
  async (t) => {
    const sandbox = await openIn(t, await placesWithout(t));
    t.match(sandbox, { isolates: false, warning: 'bubblewrap is not installed' });
    await expectLimits(t, sandbox);
  },
);

t.test('where bubblewrap may not make namespaces, its message is reported and tools run without it', async (t) => {
  const folder = await placesWithout(t);
  const fake = join(folder, 'bwrap');
  await writeFile(fake, '#!/bin/sh\necho "bwrap: setting up uid map: Permission denied" >&2\nexit 1\n');
  await chmod(fake, 0o755);
  const sandbox = await openIn(t, folder);
  t.match(sandbox, { isolates: false, warning: /bubblewrap does not work here \(bwrap: setting up uid map/ });
  await expectLimits(t, sandbox);
});

t.test('where nothing limits a tool, that is reported, too', async (t) => {
  const sandbox = await openIn(t, await makeFolder(t));
  t.match(sandbox, { isolates: false, warning: 'bubblewrap is not installed; prlimit and setpriv are not installed' });
});

t.test('in the sandbox a tool has its limits and its folder, and no other file, process or network', async (t) => {
  const { sandbox } = await openParts(t);
  if (!sandbox.isolates) return void t.plan(0, `this machine has no sandbox: ${sandbox.warning}`);
  await expectLimits(t, sandbox);
  const secret = join(await makeFolder(t), 'secret');
  await writeFile(secret, 'secret');
  t.match(await run(t, sandbox, `cat ${secret}; cat /etc/passwd; ls /root /home`), { output: '' });
  t.match(await run(t, sandbox, 'echo /proc/[0-9]*'), { output: /^(\/proc\/\d+\s*){1,4}$/ }, 'no process but its own');
  t.match(await run(t, sandbox, 'cat /proc/net/dev'), { output: /^(.*\|.*\n){2}\s*lo:.*\n$/ }, 'no network');
  t.match(await run(t, sandbox, 'touch /usr/x /etc/x || echo refused; touch here && ls'), {
    output: 'refused\nhere\n',
  });
});

t.test('a tool that lies among temporary files is found from within', async (t) => {
  const { tools, sandbox } = await openParts(t);
  const ffprobe = join(await makeFolder(t), 'ffprobe');
  await copyFile(tools.ffprobe, ffprobe);
  const { isolates, wrap } = await openSandbox({ ...tools, ffprobe }, await makeFolder(t));
  t.equal(isolates, sandbox.isolates);
  const folder = await makeFolder(t);
  t.match(await runTool({ ...wrap(folder, ffprobe, ['-version'], 5), folder, wallMs: 20_000, signal: never }), {
    code: 0,
  });
});

t.test('processes are bounded, and only those that the tool starts count', async (t) => {
  const { sandbox } = await openParts(t);
  if (!sandbox.isolates) return void t.plan(0, `this machine has no sandbox: ${sandbox.warning}`);
  // This process alone has more threads than that.
  const few: ToolBounds = { memoryBytes: 1_000_000_000, tasksMax: 9 };
  t.match(await run(t, sandbox, '(:); :', 20, few), { code: 0 });
  const bomb = 'i=0; while [ $i -lt 50 ]; do sleep 60 & i=$((i+1)); done; wait';
  // The kernel refuses them to a user, the watch ends them where the user is root.
  const outcome = await run(t, sandbox, bomb, 20, few).catch((error: unknown) => error);
  t.ok(
    /Cannot fork/.test((outcome as ToolResult).errors ?? '') ||
      (outcome as ProcessCrashedError).shortage === 'processes',
    JSON.stringify(outcome),
  );
});

t.test('memory that a tool only reserves is not counted', async (t) => {
  const { sandbox } = await openParts(t);
  const reserve = 'import mmap; m = mmap.mmap(-1, 1 << 31, mmap.MAP_PRIVATE, mmap.PROT_READ); print(len(m))';
  const bounds = { memoryBytes: 100_000_000, tasksMax: 100 };
  const python = await run(t, sandbox, 'command -v python3');
  if (python.code !== 0) return void t.plan(0, 'this machine has no python3');
  t.match(await run(t, sandbox, `exec python3 -c '${reserve}'`, 20, bounds), { code: 0, output: `${2 ** 31}\n` });
});

/** All that the plain mode needs, and no bubblewrap. */
async function placesWithout(t: Test): Promise<string> {
  const folder = await makeFolder(t);
  for (const name of ['setpriv', 'prlimit'])
    await symlink(execFileSync('which', [name]).toString().trim(), join(folder, name));
  return folder;
}

async function openIn(t: Test, place: string): Promise<Sandbox> {
  const { tools } = await openParts(t);
  return openSandbox(tools, await makeFolder(t), [place]);
}

async function expectLimits(t: Test, sandbox: Sandbox): Promise<void> {
  t.match(await run(t, sandbox, 'exec env -u PWD -u SHLVL -u _ -u OLDPWD'), { output: 'MALLOC_ARENA_MAX=1\n' });
  const tooLong = run(t, sandbox, `exec head -c ${toolFileMaxBytes + 1} /dev/zero >file`);
  await t.rejects(tooLong, { name: 'ToolCrashed', message: /SIGXFSZ/ }, 'a file that grows too long');
  await t.rejects(
    run(t, sandbox, 'while :; do :; done', 1),
    { name: 'ToolCrashed' },
    'a second of CPU time and no more',
  );
  const greedy = (bytes: number) =>
    run(t, sandbox, `exec dd if=/dev/zero of=/dev/null bs=${bytes} count=1`, 20, {
      memoryBytes: 100_000_000,
      tasksMax: 100,
    });
  await t.rejects(greedy(120_000_000), { name: 'ToolCrashed', shortage: 'memory' }, 'more memory than there is for it');
  t.match(await greedy(50_000_000), { code: 0 });
}

async function run(t: Test, sandbox: Sandbox, script: string, cpuSeconds = 20, bounds?: ToolBounds) {
  const folder = await makeFolder(t);
  const wrapped = sandbox.wrap(folder, '/bin/sh', ['-c', script], cpuSeconds, bounds);
  return runTool({ ...wrapped, folder, wallMs: 20_000, signal: never });
}
