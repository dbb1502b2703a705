import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { throttleDeadlineMs, throttlePauseMs } from '../../src/limits.ts';
import { openProducerConnection } from '../../src/queue/connection.ts';
import { openThrottle } from '../../src/throttle/throttle.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { claimRedisDatabase, emptyRedis } from '../support/redis.ts';

async function openStage(t: { teardown(handler: () => unknown): void }) {
  const url = await claimRedisDatabase();
  const connections = [openProducerConnection(url, () => undefined), openProducerConnection(url, () => undefined)];
  for (const connection of connections)
    if (connection.status !== 'ready') await new Promise((done) => connection.once('ready', done));
  let opened = 0;
  const throttles = connections.map((connection) => openThrottle(connection, () => (opened += 1)));
  t.teardown(async () => {
    for (const connection of connections) connection.disconnect();
    await emptyRedis(url);
  });
  return { throttles, connections, opened: () => opened };
}

t.test('a limit holds over two instances, and its window ends for both', async (t) => {
  const { throttles } = await openStage(t);
  const uses = [];
  for (let i = 0; i < 16; i += 1) uses.push(await throttles[i % 2]?.use('login-account', 'ana'));
  t.match(uses[0], { count: 15, windowSeconds: 300, remaining: 14, isExceeded: false });
  t.match(uses[14], { remaining: 0, isExceeded: false });
  t.match(uses[15], { remaining: 0, isExceeded: true });
  t.ok((uses[15]?.resetSeconds ?? 0) > 290 && (uses[15]?.resetSeconds ?? 0) <= 300);
  for (const throttle of throttles) t.match(await throttle.use('login-account', 'ana'), { isExceeded: true });
  t.match(await throttles[0]?.use('login-account', 'somebody else'), { isExceeded: false, remaining: 14 });
  t.match(await throttles[0]?.use('login-address', 'ana'), { isExceeded: false, remaining: 59 });
});

t.test('where Redis is away nobody is limited, and nobody waits', async (t) => {
  const { throttles, connections, opened } = await openStage(t);
  for (const connection of connections) connection.disconnect();
  const startedAtMs = performance.now();
  for (let i = 0; i < 100; i += 1) t.equal(await throttles[0]?.use('vote-user', '7'), undefined);
  t.ok(performance.now() - startedAtMs < 2 * throttleDeadlineMs);
  t.equal(opened(), 100);
});

t.test('a Redis that hangs is waited for once, then left alone for a moment', async (t) => {
  const url = new URL(await claimRedisDatabase());
  const proxy = await startTcpProxy(t, { port: Number(url.port) });
  url.port = String(proxy.port);
  const connection = openProducerConnection(url.href, () => undefined);
  t.teardown(() => connection.disconnect());
  await new Promise((done) => connection.once('ready', done));
  const { use } = openThrottle(connection, () => undefined);
  t.match(await use('vote-user', '7'), { remaining: 59 });
  proxy.setFault({ latencyMs: 60_000 });
  const waitsMs = [];
  for (let i = 0; i < 3; i += 1) {
    const startedAtMs = performance.now();
    t.equal(await use('vote-user', '7'), undefined);
    waitsMs.push(performance.now() - startedAtMs);
  }
  t.ok((waitsMs[0] as number) < throttleDeadlineMs + 100 && (waitsMs[2] as number) < 20, waitsMs.join(', '));
  await sleep(throttlePauseMs);
  const startedAtMs = performance.now();
  await use('vote-user', '7');
  t.ok(performance.now() - startedAtMs >= throttleDeadlineMs - 5, 'asked again');
});
