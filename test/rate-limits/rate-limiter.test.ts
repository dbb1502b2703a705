import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { rateLimiterPauseMs } from '../../src/limits.ts';
import { openProducerConnection } from '../../src/queue/connection.ts';
import { openRateLimiter } from '../../src/rate-limits/rate-limiter.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { openFakeClock } from '../support/fake-clock.ts';
import { claimRedisDatabase, emptyRedis } from '../support/redis.ts';

async function openTestContext(t: { teardown(handler: () => unknown): void }) {
  const url = await claimRedisDatabase();
  const connections = [openProducerConnection(url, () => undefined), openProducerConnection(url, () => undefined)];
  for (const connection of connections)
    if (connection.status !== 'ready') await new Promise((done) => connection.once('ready', done));
  let opened = 0;
  const clock = openFakeClock();
  // Nothing here may end because its time is up.
  const options = { clock, deadlineMs: 1e8 };
  const limiters = connections.map((connection) => openRateLimiter(connection, () => (opened += 1), options));
  t.teardown(async () => {
    for (const connection of connections) connection.disconnect();
    await emptyRedis(url);
  });
  return { limiters, connections, clock, opened: () => opened };
}

t.test('a limit counts over two instances, and its window ends for both', async (t) => {
  const { limiters } = await openTestContext(t);
  const uses = [];
  for (let i = 0; i < 16; i += 1) uses.push(await limiters[i % 2]?.use('login-account', 'ana'));
  t.match(uses[0], { count: 15, windowSeconds: 300, remaining: 14, isExceeded: false });
  t.match(uses[14], { remaining: 0, isExceeded: false });
  t.match(uses[15], { remaining: 0, isExceeded: true });
  t.ok((uses[15]?.resetSeconds ?? 0) > 30 && (uses[15]?.resetSeconds ?? 0) <= 300);
  for (const limiter of limiters) t.match(await limiter.use('login-account', 'ana'), { isExceeded: true });
  t.match(await limiters[0]?.use('login-account', 'somebody else'), { isExceeded: false, remaining: 14 });
  t.match(await limiters[0]?.use('login-address', 'ana'), { isExceeded: false, remaining: 59 });
});

t.test('without Redis no request is limited, and none waits', async (t) => {
  const { limiters, connections, clock, opened } = await openTestContext(t);
  for (const connection of connections) connection.disconnect();
  for (let i = 0; i < 100; i += 1) {
    t.equal(await limiters[0]?.use('vote-user', '7'), undefined);
    // So that the next use asks again.
    clock.advance(rateLimiterPauseMs);
  }
  t.equal(opened(), 100);
});

t.test('a Redis that hangs is waited for once, then not asked for a moment', async (t) => {
  const url = new URL(await claimRedisDatabase());
  const proxy = await startTcpProxy(t, { port: Number(url.port) });
  url.port = String(proxy.port);
  const connection = openProducerConnection(url.href, () => undefined);
  t.teardown(() => connection.disconnect());
  await new Promise((done) => connection.once('ready', done));
  const clock = openFakeClock();
  const { use } = openRateLimiter(connection, () => undefined, { clock });
  t.match(await use('vote-user', '7'), { remaining: 59 });
  proxy.setFault({ hangs: true });
  t.equal(await use('vote-user', '7'), undefined);
  const askedOnceBytes = await waitFor('a command', () => proxy.heldBytes() || undefined);
  clock.advance(rateLimiterPauseMs - 1);
  for (let i = 0; i < 3; i += 1) t.equal(await use('vote-user', '7'), undefined);
  clock.advance(1);
  t.equal(await use('vote-user', '7'), undefined);
  await waitFor('the next command', () => proxy.heldBytes() > askedOnceBytes);
  t.equal(proxy.heldBytes(), 2 * askedOnceBytes, 'asked again, once');
});
