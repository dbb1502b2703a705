import { spawn } from 'node:child_process';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { killGroup, runTool } from '../../worker/ffmpeg.ts';
import { readToolUse } from '../../worker/tool-watch.ts';
import { makeFolder } from './support/clips.ts';

const MiB = 1024 * 1024;
const never = new AbortController().signal;

t.test('the use of a tool counts the processes of its group and those that left it', async (t) => {
  const pid = start(t, 'sleep 60 & setsid sleep 10 & wait');
  const use = await waitFor('three processes', async () => {
    const found = readToolUse(pid);
    return found.tasks === 3 ? found : undefined;
  });
  t.ok(use.memoryBytes > 0 && use.memoryBytes < 64 * MiB);
});

t.test('processes that together use too much memory are ended, as a shortage of memory', async (t) => {
  const hold = (mebibytes: number) =>
    `head -c ${mebibytes * MiB} /dev/zero | tail -c ${mebibytes * MiB + 1} | sleep 60 &`;
  await t.rejects(run(t, `${hold(40)} ${hold(40)} wait`, { memoryBytes: 64 * MiB, tasksMax: 100 }), {
    name: 'ProcessCrashedError',
    shortage: 'memory',
  });
});

t.test('processes beyond the limit are ended', async (t) => {
  const many = 'for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait';
  await t.rejects(run(t, many, { memoryBytes: 640 * MiB, tasksMax: 8 }), {
    name: 'ProcessCrashedError',
    shortage: 'processes',
  });
});

t.test('a process that has ended uses nothing', async (t) => {
  t.same(readToolUse(2 ** 22 + 1), { memoryBytes: 0, tasks: 0 });
});

async function run(t: Test, script: string, bounds: { memoryBytes: number; tasksMax: number }) {
  const folder = await makeFolder(t);
  return runTool({ command: '/bin/sh', args: ['-c', script], folder, wallMs: 60_000, signal: never, bounds });
}

function start(t: Test, script: string): number {
  const { pid } = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  if (pid === undefined) throw new Error('Expected a process');
  t.teardown(() => killGroup(pid));
  return pid;
}
