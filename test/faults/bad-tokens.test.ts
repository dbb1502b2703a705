import { connect, type Socket } from 'node:net';
import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { startService } from '../support/service.ts';
import { createBadTokens } from './support/bad-tokens.ts';
import { openFaultRun } from './support/fault-run.ts';

const run = openFaultRun('bad-tokens', 20_000, (rounds) => rounds * 5_000);
const sockets = 4;
const pipelined = 50;
t.setTimeout(600_000);

t.test('every generated bad token is refused with the same response to the last byte', async (t) => {
  const environment = await createEnvironment(t, { values: { LOG_LEVEL: 'warn' } });
  const service = await startService(t, environment);
  const next = createBadTokens(environment.config.tokens.secretKey, run.random.int);
  const answers = new Map<string, number>();
  let left = run.rounds;
  const askOn = async () => {
    const socket = connect(service.port, '127.0.0.1');
    while (left > 0) {
      const count = Math.min(pipelined, left);
      left -= count;
      const requests = Array.from({ length: count }, (_, i) => formatRequest(next(), i));
      for (const answer of await ask(socket, requests)) answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: sockets }, askOn));

  t.equal(answers.size, 1, [...answers.keys()].join('\n\n'));
  const [[answer, count] = ['', 0]] = answers;
  t.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\n/);
  t.match(answer, /\r\nWWW-Authenticate: Bearer\r\n/);
  t.ok(answer.endsWith('\r\n\r\n{"detail":"Credenciales de autenticación inválidas."}'));
  t.equal(count, run.rounds);
  run.report({ refused: count, different_answers: answers.size });
});

/** Requests that need a token. */
function formatRequest(token: string, i: number): string {
  const line = i % 2 === 0 ? 'GET /api/videos' : 'POST /api/public/videos/1/vote';
  const length = i % 2 === 0 ? '' : 'Content-Length: 0\r\n';
  return `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${length}\r\n`;
}

/** Sends all requests at once and returns each response without the request's id and the time. */
function ask(socket: Socket, requests: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    let text = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      text = Buffer.concat([text, chunk]);
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = text.toString('latin1', 0, end);
        const length = end + 4 + Number(/\r\nContent-Length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (text.length < length) return;
        answers.push(text.toString('utf8', 0, length).replace(/\r\n(?:X-Request-Id|Date): [^\r]+/g, ''));
        text = text.subarray(length);
        if (answers.length < requests.length) continue;
        socket.removeAllListeners();
        return resolve(answers);
      }
    };
    const fail = () => reject(new Error(`Expected ${requests.length} answers, got ${answers.length} and the end`));
    socket.on('data', read).on('close', fail).on('error', reject);
    socket.write(requests.join(''));
  });
}
