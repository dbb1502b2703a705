import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { killGroup, type ProcessCrashedError, runTool, type ToolResult } from '../../worker/ffmpeg.ts';
import { toolFileMaxBytes } from '../../worker/limits.ts';
import { openSandbox, type RunLimits } from '../../worker/sandbox.ts';
import { makeFolder, openParts } from './support/clips.ts';
import { type MatrixEntry, openMatrix } from './support/sandbox-matrix.ts';

const never = new AbortController().signal;
t.setTimeout(600_000);
const roomy = { memoryBytes: 1_000_000_000, tasksMax: 100 };

const entries = [...(await openMatrix(t)), await openPlain(t)];
const isolating = entries.filter(({ mode }) => mode !== 'none');

for (const entry of entries) {
  t.test(`${entry.name}: a tool meets limits of time, memory and file size`, async (t) => {
    await t.rejects(
      run(t, entry, `exec head -c ${toolFileMaxBytes + 1} /dev/zero >file`, { outputs: ['file'] }),
      { name: 'ProcessCrashedError', message: /SIGXFSZ/ },
      'a file that grows too long',
    );
    await t.rejects(run(t, entry, 'while :; do :; done', { cpuSeconds: 1 }), {
      name: 'ProcessCrashedError',
      message: /ended by SIG(?:KILL|XCPU)/,
    });
    const greedy = (bytes: number) =>
      run(t, entry, `exec dd if=/dev/zero of=/dev/null bs=${bytes} count=1`, {
        bounds: { ...roomy, memoryBytes: 100_000_000 },
      });
    await t.rejects(greedy(120_000_000), { name: 'ProcessCrashedError', shortage: 'memory' });
    t.match(await greedy(50_000_000), { code: 0 });
  });

  t.test(`${entry.name}: exit codes and signals arrive as they were`, async (t) => {
    for (const code of [0, 1, 3, 183]) t.match(await run(t, entry, `exit ${code}`), { code });
    for (const signal of ['SEGV', 'ABRT', 'KILL', 'XCPU'])
      await t.rejects(run(t, entry, `kill -${signal} $$`), { message: new RegExp(`ended by SIG${signal}`) }, signal);
    t.match(await run(t, entry, 'echo out; echo err >&2'), { output: 'out\n', errors: /^err\n/ });
  });

  t.test(`${entry.name}: the watch ends processes that hold too much together`, async (t) => {
    const hold = 'head -c 40000000 /dev/zero | tail -c 40000001 | sleep 600 &';
    await t.rejects(run(t, entry, `${hold} ${hold} wait`, { bounds: { ...roomy, memoryBytes: 64_000_000 } }), {
      name: 'ProcessCrashedError',
      shortage: 'memory',
    });
  });

  t.test(`${entry.name}: a tool that is cancelled leaves no process behind`, async (t) => {
    const controller = new AbortController();
    const seconds = uniqueSeconds();
    // Without a sandbox a process can leave the group that is killed.
    const leave = entry.mode === 'none' ? '' : 'setsid';
    const script = `sleep ${seconds} & ${leave} sleep ${seconds} & echo started; wait`;
    const running = run(t, entry, script, {}, controller.signal, () => controller.abort(new Error('cancelled')));
    await t.rejects(running, { message: 'cancelled' });
    await waitFor('all processes to end', () => listSleepers(seconds).length === 0);
  });
}

for (const entry of isolating) {
  t.test(`${entry.name}: only the outputs can be written, and the rest of the folder is as it was`, async (t) => {
    const folder = await makeFolder(t);
    await writeFile(join(folder, 'source.mp4'), 'source');
    const script =
      'echo new >other || echo refused; mkdir sub || echo refused; echo x >>source.mp4 || echo refused; rm source.mp4 || echo refused; cat source.mp4; echo rendition >out';
    const { output } = await runIn(folder, entry, script, { outputs: ['out'] });
    t.equal(output, 'refused\nrefused\nrefused\nrefused\nsource');
    t.strictSame((await readdir(folder)).sort(), ['out', 'source.mp4']);
    t.equal((await stat(join(folder, 'out'))).size, 10);
  });

  t.test(`${entry.name}: the environment is the tool's own`, async (t) => {
    const { output } = await run(t, entry, 'exec env -u PWD -u SHLVL -u _ -u OLDPWD');
    t.equal(output, 'MALLOC_ARENA_MAX=1\n');
  });

  t.test(`${entry.name}: processes are bounded, and only those that the tool starts count`, async (t) => {
    // This process alone has more threads than that.
    const few = { ...roomy, tasksMax: 9 };
    t.match(await run(t, entry, '(:); :', { bounds: few }), { code: 0 });
    const bomb = 'i=0; while [ $i -lt 50 ]; do sleep 60 & i=$((i+1)); done; wait';
    // The kernel refuses them to a user, the watch ends them where the user is root.
    const outcome = await run(t, entry, bomb, { bounds: few }).catch((error: unknown) => error);
    t.ok(
      /Cannot fork/.test((outcome as ToolResult).errors ?? '') ||
        (outcome as ProcessCrashedError).shortage === 'processes',
      JSON.stringify(outcome),
    );
  });

  t.test(`${entry.name}: memory that a tool only reserves is not counted`, async (t) => {
    const reserve = 'import mmap; m = mmap.mmap(-1, 1 << 31, mmap.MAP_PRIVATE, mmap.PROT_READ); print(len(m))';
    if ((await run(t, entry, 'command -v python3')).code !== 0) return void t.plan(0, 'this machine has no python3');
    const bounds = { ...roomy, memoryBytes: 100_000_000 };
    t.match(await run(t, entry, `exec python3 -c '${reserve}'`, { bounds }), { code: 0, output: `${2 ** 31}\n` });
  });

  t.test(`${entry.name}: the tool ends with the process that started it, and no mount is left`, async (t) => {
    const mounts = countMounts();
    const folder = await makeFolder(t);
    const seconds = uniqueSeconds();
    const parent = startUnder(t, folder, entry, `sleep ${seconds} & setsid sleep ${seconds} & wait`);
    await waitFor('both to run', () => listSleepers(seconds).length === 2);
    parent.kill('SIGKILL');
    await waitFor('both to end', () => listSleepers(seconds).length === 0);
    t.equal(countMounts(), mounts);
  });

  t.test(`${entry.name}: FFmpeg encodes with many threads as it does without a sandbox`, async (t) => {
    const source = ['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=30:d=1'];
    const args = ['-v', 'error', '-nostdin', '-y', ...source, '-threads', '8', '-c:v', 'libx264', '-f', 'mp4'];
    const faststart = [...args, '-movflags', '+faststart', 'out.mp4'];
    const sizes: number[] = [];
    for (const each of [entry, entries.at(-1) ?? entry]) {
      const folder = await makeFolder(t);
      const command = each.wrap(folder, each.tools.ffmpeg, faststart, { cpuSeconds: 60, outputs: ['out.mp4'] });
      const result = await runTool({ ...command, folder, wallMs: 60_000, signal: never });
      t.match(result, { code: 0, errors: '' });
      sizes.push((await stat(join(folder, 'out.mp4'))).size);
    }
    t.equal(sizes[0], sizes[1]);
  });
}

async function openPlain(t: Test): Promise<MatrixEntry> {
  const { tools } = await openParts(t);
  const { mode, wrap } = await openSandbox(tools, await makeFolder(t), { allowsUnsandboxed: true, modes: ['none'] });
  return { name: mode, mode, tools, wrap };
}

type Limits = Partial<RunLimits>;

async function run(
  t: Test,
  entry: MatrixEntry,
  script: string,
  limits?: Limits,
  signal?: AbortSignal,
  onOutput?: () => void,
) {
  return runIn(await makeFolder(t), entry, script, limits, signal, onOutput);
}

function runIn(
  folder: string,
  { wrap }: MatrixEntry,
  script: string,
  limits: Limits = {},
  signal = never,
  onOutput?: () => void,
): Promise<ToolResult> {
  const command = wrap(folder, '/bin/sh', ['-c', script], { cpuSeconds: 20, ...limits });
  return runTool({ ...command, folder, wallMs: 60_000, signal, ...(onOutput && { onOutput }) });
}

/** Starts the tool as a child of a shell, which may be killed in place of the worker. */
function startUnder(t: Test, folder: string, { wrap }: MatrixEntry, script: string): ChildProcess {
  const { command, args, filter } = wrap(folder, '/bin/sh', ['-c', script], { cpuSeconds: 20 });
  const shell = ['-c', '"$@" & wait', 'sh', command, ...args];
  const parent = spawn('/bin/sh', shell, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  t.teardown(() => killGroup(parent.pid));
  (parent.stdio[3] as NodeJS.WritableStream).end(filter ?? '');
  return parent;
}

let lastSeconds = 0;

/** A number that no other process sleeps for. */
function uniqueSeconds(): string {
  lastSeconds += 1;
  return `${600 + lastSeconds}.${process.pid}`;
}

function listSleepers(seconds: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => readCommand(pid) === `sleep\0${seconds}\0`).map(Number);
}

/** Empty of a process that has ended meanwhile. */
function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function countMounts(): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;
}
