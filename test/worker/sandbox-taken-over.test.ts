import { spawn } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { runTool } from '../../worker/ffmpeg.ts';
import type { Sandbox } from '../../worker/sandbox.ts';
import { openSandbox } from '../../worker/sandbox.ts';
import { deniedCalls, numberOf, readArchitecture } from '../../worker/system-calls.ts';
import { makeFolder, openParts } from './support/clips.ts';
import { isRoot, openMatrix } from './support/sandbox-matrix.ts';

const program = join(rootFolder, 'test/worker/support/taken-over.pl');
const never = new AbortController().signal;
t.setTimeout(600_000);
const mark = 'secret-of-a-neighbour';

t.test('without a sandbox a taken-over FFmpeg finds what it looks for', async (t) => {
  const { tools } = await openParts(t);
  const sandbox = await openSandbox(tools, await makeFolder(t), { allowsUnsandboxed: true, modes: ['none'] });
  const findings = await takeOver(t, sandbox, await openTargets(t));
  t.comment(findings.join('; '));
  const kinds = new Set(findings.map((line) => line.split(':')[0]));
  const expected = ['file', 'folder', 'environment of a process', 'process list', 'writable folder', 'writable input'];
  expected.push(
    'memory that nothing counts',
    'network',
    'abstract socket',
    'socket',
    'signal to another process',
    'ptrace',
  );
  expected.push('memory of another process', 'bounding set', 'new privileges', 'no filter', 'key');
  if (isRoot) expected.push('user 0', 'became user 0', 'capabilities', 'mount', 'root folder', 'namespace', 'kernel');
  t.strictSame(
    expected.filter((kind) => !kinds.has(kind)),
    [],
    'else nothing below would prove anything',
  );
  for (const name of ['run.json', 'secrets.json']) t.ok(findings.some((line) => line.endsWith(name)));
});

t.test('in every mode it finds nothing', async (t) => {
  const entries = await openMatrix(t);
  if (entries.length === 0) return void t.plan(0, 'this machine has no sandbox');
  const targets = await openTargets(t);
  for (const entry of entries) t.strictSame(await takeOver(t, entry, targets), [], entry.name);
});

/** What there is to be found, as arguments of the program. */
async function openTargets(t: Test): Promise<readonly string[]> {
  const folder = await makeFolder(t);
  for (const name of ['run.json', 'secrets.json']) await writeFile(join(folder, name), mark, { mode: 0o600 });
  const neighbour = spawn('sleep', ['600'], { env: { MARK: mark }, stdio: 'ignore' });
  t.teardown(() => neighbour.kill('SIGKILL'));
  const abstract = `taken-over-${process.pid}`;
  await listen(t, { path: `\0${abstract}` });
  const port = await listen(t, { host: '::', port: 0 });
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = addresses.filter(({ scopeid }) => !scopeid).map(({ address }) => `${address}/${port}`);
  return [
    ...['run.json', 'secrets.json'].map((name) => `file=${join(folder, name)}`),
    ...[`folder=${folder}`, `mount=${folder}`, `mark=${mark}`, `pid=${neighbour.pid}`, `abstract=${abstract}`],
    ...[...own, ...backingServices()].map((address) => `address=${address}`),
    `calls=${callNumbers()}`,
  ];
}

/** The servers that the tests run on. */
function backingServices(): string[] {
  const urls = ['TEST_DATABASE_URL', 'TEST_REDIS_URL', 'TEST_S3_ENDPOINT'].map((name) => process.env[name]);
  return urls
    .filter((url) => url !== undefined)
    .map((url) => new URL(url))
    .filter(({ port }) => port !== '')
    .map(({ hostname, port }) => `${hostname === 'localhost' ? '127.0.0.1' : hostname}/${port}`);
}

function callNumbers(): string {
  const architecture = readArchitecture() ?? 'x64';
  const others = { capget: [125, 90], prctl: [157, 167], clone: [56, 220] } as const;
  const numbers = Object.entries({ ...deniedCalls, ...others }).map(
    ([name, both]) => `${name}=${numberOf(both, architecture) ?? -1}`,
  );
  return numbers.join(',');
}

function listen(t: Test, where: { path: string } | { host: string; port: number }): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  t.teardown(() => server.close());
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(where, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

async function takeOver(t: Test, sandbox: Pick<Sandbox, 'wrap'>, targets: readonly string[]): Promise<string[]> {
  const folder = await makeFolder(t);
  await copyFile(program, join(folder, 'taken-over.pl'));
  const args = ['taken-over.pl', 'input=taken-over.pl', ...targets];
  const command = sandbox.wrap(folder, '/usr/bin/perl', args, { cpuSeconds: 20, outputs: ['rendition.mp4'] });
  const { code, output, errors } = await runTool({ ...command, folder, wallMs: 60_000, signal: never });
  t.match({ code, errors }, { code: 0, errors: '' }, 'it ran to its end');
  return output.split('\n').filter((line) => line !== '');
}
