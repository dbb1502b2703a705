import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { removeClusterFolder } from '../../scripts/dev/servers/postgres-folder.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { identify } from '../../scripts/lib/processes.ts';
import type { RunFile } from '../../scripts/lib/run-file.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { request } from '../support/http.ts';

const folder = mkdtempSync(join(tmpdir(), 'start-'));
const dataDir = join(folder, 'data');
const running = new Set<ChildProcess>();
t.teardown(async () => {
  for (const child of running) child.kill('SIGKILL');
  removeClusterFolder(join(dataDir, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `npm start` without installing and building, which `npm test` has done already. */
function start(port: number, args: string[] = []) {
  const child = spawn(process.execPath, [join(rootFolder, 'dist/scripts/dev/start/main.js'), ...args], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: String(port), WEB_PROCESSES: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { child, ended, output: () => output };
}

async function untilSays(run: ReturnType<typeof start>, line: string): Promise<void> {
  const found = () => run.output().includes(line) || run.child.exitCode !== null;
  await waitFor(`a line with "${line}"`, found, { timeoutMs: 90_000 });
  if (!run.output().includes(line)) throw new Error(`Expected "${line}", got the end:\n${run.output()}`);
}

function readRunFile(): RunFile {
  return JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as RunFile;
}

const allPids = ({ pids }: RunFile) => [...pids.web, ...pids.worker, pids.postgres ?? 0, pids.redis ?? 0, pids.s3 ?? 0];

t.test('a first start runs the demo once, restarts a killed process, and stops without leftovers', async (t) => {
  const port = await freePort();
  const run = start(port, ['--video', await makeClip()]);
  await untilSays(run, 'Press Ctrl+C to stop.');
  t.match(run.output(), /1\. Ana Ruiz \(Bogotá\) 1\n/);
  t.match(run.output(), /The clip can be played at:\n {4}http:/);

  const before = readRunFile();
  t.equal(statSync(join(dataDir, 'run.json')).mode & 0o777, 0o600);
  t.equal(statSync(join(dataDir, 'secrets.json')).mode & 0o777, 0o600);
  t.equal(before.baseUrl, `http://127.0.0.1:${port}`);
  t.ok(
    allPids(before).every((pid) => identify(pid) !== undefined),
    'every pid is that of a process',
  );
  for (const url of [...before.metricsUrls.web, ...before.metricsUrls.worker])
    t.equal((await request(url)).status, 200);

  const [killed = 0] = before.pids.web;
  process.kill(killed, 'SIGKILL');
  await waitFor('another web process in run.json', () => readRunFile().pids.web[0] !== killed, { timeoutMs: 90_000 });
  t.equal((await request(`${before.baseUrl}/readyz`)).status, 200);

  const second = start(await freePort());
  t.equal(await second.ended, 1);
  t.match(second.output(), /^A service already runs on .*data \(process \d+\): stop it first, or set DATA_DIR/);

  const last = readRunFile();
  run.child.kill('SIGTERM');
  t.equal(await run.ended, 0);
  t.same(
    allPids(last).filter((pid) => identify(pid) !== undefined),
    [],
    'no process is left',
  );
  t.notOk(existsSync(join(dataDir, 'run.json')));
});

t.test('a second start keeps the data, and a start after a kill ends the processes that were left', async (t) => {
  const port = await freePort();
  const run = start(port);
  await untilSays(run, 'Press Ctrl+C to stop.');
  t.notMatch(run.output(), 'Demo workflow');
  const ranking = await request(`http://127.0.0.1:${port}/api/public/rankings`);
  t.match(ranking.json(), [{ username: 'Ana Ruiz', votes: 1 }]);

  const pids = allPids(readRunFile());
  run.child.kill('SIGKILL');
  await run.ended;
  const next = start(port, ['--fresh', '--no-demo']);
  await untilSays(next, 'Press Ctrl+C to stop.');
  t.same(
    pids.filter((pid) => identify(pid) !== undefined),
    [],
    'the killed start left nothing running',
  );
  t.same((await request(`http://127.0.0.1:${port}/api/public/rankings`)).json(), []);
  next.child.kill('SIGINT');
  t.equal(await next.ended, 0);
});

t.test('data whose secrets file is missing is not opened with new secrets', async (t) => {
  const path = join(dataDir, 'secrets.json');
  const kept = readFileSync(path);
  rmSync(path);
  const run = start(await freePort());
  t.equal(await run.ended, 1);
  t.match(run.output(), /^Expected .*secrets\.json, .*: restore it, or delete .* to start over\.\n$/);
  t.notOk(existsSync(path), 'nothing is written');
  writeFileSync(path, kept, { mode: 0o600 });
});

t.test('a port in use is reported in one sentence that says what to do', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  t.teardown(() => void holder.close());
  const address = holder.address();
  const run = start(typeof address === 'object' && address !== null ? address.port : 0);
  t.equal(await run.ended, 1);
  t.match(run.output(), /^Port \d+ is in use by another program: .* `PORT=\d+ npm start`\.\n$/);
});
