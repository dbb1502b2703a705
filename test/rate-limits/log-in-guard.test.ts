import t from 'tap';
import { openProducerConnection } from '../../src/queue/connection.ts';
import { logInFailuresFree, logInWaitMaxSeconds } from '../../src/rate-limits/limits-by-name.ts';
import { openLogInGuard, waitAfter } from '../../src/rate-limits/log-in-guard.ts';
import { openRedisGate } from '../../src/rate-limits/redis-gate.ts';
import { claimRedisDatabase, emptyRedis } from '../support/redis.ts';

const email = 'ana@example.com';
const home = '198.51.100.0/24';

async function openTestContext(t: { teardown(handler: () => unknown): void }, isRedisAway = false) {
  const url = await claimRedisDatabase();
  const connection = openProducerConnection(url, () => undefined);
  if (connection.status !== 'ready') await new Promise((done) => connection.once('ready', done));
  t.teardown(async () => {
    connection.disconnect();
    await emptyRedis(url);
  });
  if (isRedisAway) connection.disconnect();
  const guard = openLogInGuard(
    openRedisGate(connection, { processes: 2, deadlineMs: 1e8, onFallback: () => undefined }),
  );
  /** Guesses from a network each, one after the other; returns the waits. */
  const attack = async (guesses: number, account = email) => {
    const waits = [];
    for (let i = 0; i < guesses; i += 1) waits.push((await guard.begin(account, `10.0.${i}.0/24`)).waitSeconds);
    return waits;
  };
  return { guard, attack };
}

for (const isRedisAway of [false, true]) {
  t.test(`guesses from many networks wait together${isRedisAway ? ', also while Redis is away' : ''}`, async (t) => {
    const { guard, attack } = await openTestContext(t, isRedisAway);
    const waits = await attack(560);
    t.strictSame(
      waits.slice(0, logInFailuresFree + 1),
      Array(logInFailuresFree + 1).fill(0),
      'one more starts the wait',
    );
    t.ok(
      waits.filter((wait) => wait === 0).length < 30,
      `${waits.filter((wait) => wait === 0).length} of 560 let through`,
    );
    t.equal((await guard.begin('ben@example.com', home)).waitSeconds, 0, 'another account does not wait');
  });
}

t.test('guesses at once are counted as well as guesses one after the other', async (t) => {
  const { guard } = await openTestContext(t);
  const attempts = await Promise.all(Array.from({ length: 560 }, (_, i) => guard.begin(email, `10.0.${i}.0/24`)));
  t.equal(attempts.filter(({ waitSeconds }) => waitSeconds === 0).length, logInFailuresFree + 1);
});

t.test(
  'a network that has logged in before goes ahead during an attack, and is slowed down by its own failures',
  async (t) => {
    const { guard, attack } = await openTestContext(t);
    await (await guard.begin(email, home)).succeeded();
    await attack(60);
    t.not((await guard.begin(email, '192.0.2.0/24')).waitSeconds, 0, 'a network that is not known waits');
    for (let i = 0; i <= logInFailuresFree; i += 1) t.equal((await guard.begin(email, home)).waitSeconds, 0);
    t.not((await guard.begin(email, home)).waitSeconds, 0, 'it waits for its own failures');
    t.equal((await guard.begin('ben@example.com', home)).waitSeconds, 0, 'it is known for this account alone');
  },
);

t.test('a success ends the wait of its network', async (t) => {
  const { guard } = await openTestContext(t);
  for (let round = 0; round < 3; round += 1) {
    for (let i = 0; i < logInFailuresFree - 1; i += 1) await guard.begin(email, home);
    const attempt = await guard.begin(email, home);
    t.equal(attempt.waitSeconds, 0);
    await attempt.succeeded();
  }
});

t.test('an attacker who logs in to an account of his own is not known to another', async (t) => {
  const { guard, attack } = await openTestContext(t);
  await (await guard.begin('mallory@example.com', home)).succeeded();
  await attack(60);
  t.not((await guard.begin(email, home)).waitSeconds, 0);
});

t.test('the wait doubles up to its bound', async (t) => {
  const waits = Array.from({ length: 10 }, (_, i) => waitAfter(logInFailuresFree + 1 + i));
  t.strictSame(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  t.equal(waitAfter(1e9), logInWaitMaxSeconds);
});
