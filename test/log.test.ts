import { spawn } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../scripts/lib/paths.ts';

const log = join(rootFolder, 'dist', 'src', 'log.js');
const line = `{ requestId: 'id', method: 'GET', route: '/x', status: 200, seconds: 0.0012345678, bytesIn: 0, bytesOut: 7 }`;

/** Runs a script in a process of its own and gives what it has written to standard output, line by line. */
async function runScript(script: string): Promise<Record<string, unknown>[]> {
  const code = `import { openLog, openWebLog } from ${JSON.stringify(log)}; ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  const lines = text.split('\n').filter((each) => each !== '');
  return lines.map((each) => JSON.parse(each) as Record<string, unknown>);
}

t.test('a request’s line looks like any other, and is there when the process exits at once', async (t) => {
  const [plain, request] = await runScript(`
    const { log, logRequest } = openWebLog('info', { process: 'web' });
    log.info({ requestId: 'id' }, 'plain');
    logRequest(${line});
    process.exit(0);`);
  t.strictSame(Object.keys(request ?? {}).slice(0, 5), Object.keys(plain ?? {}).slice(0, 5));
  t.match(request, {
    level: 30,
    process: 'web',
    requestId: 'id',
    method: 'GET',
    route: '/x',
    status: 200,
    msg: 'request',
  });
  t.match(request, { seconds: 0.001235, bytesIn: 0, bytesOut: 7 });
  t.ok(Math.abs(Date.parse(String(request?.['time'])) - Date.now()) < 60_000);
});

t.test('lines come in the order of what happened, and none is lost to an error that ends the process', async (t) => {
  const lines = await runScript(`
    const { log, logRequest } = openWebLog('info');
    for (let i = 0; i < 2_000; i += 1) logRequest({ ...${line}, status: i });
    log.error('in between');
    logRequest(${line});
    process.on('uncaughtException', () => process.exit(1));
    throw new Error('the end');`);
  t.equal(lines.length, 2_002);
  t.strictSame(
    lines.slice(0, 2_000).map(({ status }) => status),
    Array.from({ length: 2_000 }, (_, i) => i),
  );
  t.match(lines.slice(-2), [{ msg: 'in between' }, { msg: 'request' }]);
});

t.test('a method that is no word is quoted, and a level above info has no request lines', async (t) => {
  const strange = await runScript(`openWebLog('info').logRequest({ ...${line}, method: 'G"E\\n' });`);
  t.match(strange, [{ method: 'G"E\n' }]);
  t.strictSame(await runScript(`openWebLog('warn').logRequest(${line});`), []);
  t.strictSame(await runScript(`openLog('silent').error('x');`), []);
});
