import { hash as hashArgon2 } from '@node-rs/argon2';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import t from 'tap';
import { AppError } from '../src/errors.ts';
import { openPasswords } from '../src/passwords.ts';

const password = 'correct horse battery staple';

t.test('a hash is argon2id with 19 MiB, two passes and one thread, salted anew each time', async (t) => {
  const passwords = openPasswords({ concurrency: 2, queueMax: 4 });
  const [first, second] = await Promise.all([passwords.hash(password), passwords.hash(password)]);
  t.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.not(first, second);
  t.same(await passwords.verify(first, password), { ok: true, needsRehash: false });
  t.same(await passwords.verify(first, `${password} `), { ok: false, needsRehash: false });
});

t.test('a hash made with other argon2 parameters verifies and asks to be made again', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 4 });
  for (const parameters of [
    { memoryCost: 8192, timeCost: 2, parallelism: 1 },
    { memoryCost: 19_456, timeCost: 3, parallelism: 1 },
    { memoryCost: 19_456, timeCost: 2, parallelism: 2 },
    { memoryCost: 19_456, timeCost: 2, parallelism: 1, algorithm: 1 },
  ]) {
    const older = await hashArgon2(password, parameters);
    t.same(await passwords.verify(older, password), { ok: true, needsRehash: true }, older.slice(0, 30));
    t.same(await passwords.verify(older, 'another password'), { ok: false, needsRehash: false });
  }
});

t.test('a legacy bcrypt hash verifies over the first 72 bytes, whatever its prefix', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 4 });
  // Byte 72 falls inside the two bytes of the ñ: what counts is bytes, not characters.
  const long = `${'a'.repeat(71)}ñ and more`;
  const hash = await hashBcrypt(Buffer.from(long).subarray(0, 72), 4);
  for (const version of ['2a', '2b', '2y']) {
    const legacy = hash.replace(/^\$2[aby]\$/, `$$${version}$$`);
    t.ok(legacy.startsWith(`$${version}$04$`));
    // It is unknown which of the two was the password: a new hash of one would lock out the other.
    t.same(await passwords.verify(legacy, long), { ok: true, needsRehash: false });
    t.same(await passwords.verify(legacy, `${'a'.repeat(71)}ñ and less`), { ok: true, needsRehash: false });
    t.same(await passwords.verify(legacy, 'a'.repeat(71)), { ok: false, needsRehash: false });
  }
});

t.test('a hash made by the older system, as it stands in its database, verifies', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 4 });
  const legacy = '$2b$12$Bzr/qJ.E7pudZxxnIePnEOw9ahV3ltHw7rRO8kI3YSptIyjqpNL82';
  t.same(await passwords.verify(legacy, 'LegacyPass123'), { ok: true, needsRehash: true });
});

t.test('a stored hash that cannot be read, or asks for too much, is no match', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 4 });
  const current = await passwords.hash(password);
  const salt = 'c29tZXNhbHRzb21lc2FsdA';
  for (const unreadable of [
    '',
    'plain text',
    current.slice(0, -5),
    current.replace('argon2id', 'argon2xx'),
    '$2b$12$',
    '$2b$12$tooshort',
    `$2b$31$${'a'.repeat(53)}`,
    `$2x$12$${'a'.repeat(53)}`,
    `$argon2id$v=19$m=99999999,t=2,p=1$${salt}$${'A'.repeat(43)}`,
    `$argon2id$v=19$m=19456,t=99999999,p=1$${salt}$${'A'.repeat(43)}`,
    `$argon2id$v=19$m=19456,t=2,p=255$${salt}$${'A'.repeat(43)}`,
  ]) {
    t.same(await passwords.verify(unreadable, password), { ok: false, needsRehash: false }, unreadable.slice(0, 40));
  }
});

t.test('an unknown user costs what a known one costs', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 4 });
  const stored = await passwords.hash(password);
  const known = await measureCpu(() => passwords.verify(stored, 'a wrong password'));
  const unknown = await measureCpu(() => passwords.verifyDummy('a wrong password'));
  // CPU time, so that a busy machine counts little. Without a hash the ratio is below 0.01, with bcrypt of cost 12 it is 10.
  const ratio = unknown / known;
  t.ok(ratio > 1 / 3 && ratio < 3, `Expected the same work, got a ratio of ${ratio.toFixed(2)}`);
});

t.test('callers past the queue are refused at once, those in it are served in order', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 2 });
  const served: number[] = [];
  const accepted = [0, 1, 2].map((caller) => passwords.verifyDummy(password).then(() => served.push(caller)));
  const refusal: unknown = await passwords.verifyDummy(password).catch((error: unknown) => error);
  t.ok(refusal instanceof AppError && refusal.code === 'password_queue_full' && (refusal.retryAfterSeconds ?? 0) >= 1);
  t.same(served, [], 'the refusal did not wait');
  t.throws(() => passwords.rejectWhenFull(), { code: 'password_queue_full' });
  await Promise.all(accepted);
  t.same(served, [0, 1, 2]);
  passwords.rejectWhenFull();
  await passwords.verifyDummy(password);
});

t.test('a caller that gives up leaves the queue to the others', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 1 });
  const running = passwords.verifyDummy(password);
  const controller = new AbortController();
  const abandoned = passwords.hash(password, controller.signal);
  controller.abort(new Error('the client left'));
  const next = passwords.verifyDummy(password);
  await t.rejects(abandoned, { message: 'the client left' });
  await Promise.all([running, next]);
  await t.rejects(passwords.hash(password, AbortSignal.abort(new Error('gone already'))), { message: 'gone already' });
  t.ok(await passwords.hash(password), 'no place was lost');
});

t.test('work that fails releases its slot', async (t) => {
  const passwords = openPasswords({ concurrency: 1, queueMax: 1 });
  const notText = 5 as unknown as string;
  for (let round = 0; round < 3; round += 1) await t.rejects(passwords.hash(notText));
  t.ok(await passwords.hash(password));
});

/** The CPU time, in microseconds, of this process while it does the work ten times. */
async function measureCpu(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let round = 0; round < 10; round += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
