import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import {
  partBytes,
  partPageBytes,
  reservedPartPages,
  slowPagesShare,
  slowTicksMax,
  uploadPaceTickMs,
} from '../../src/limits.ts';
import type { PartBuffer } from '../../src/objects/part-buffer.ts';
import { openPartBuffers } from '../../src/objects/part-buffers.ts';
import { openFakeClock } from '../support/fake-clock.ts';

const never = new AbortController().signal;
const ignore = () => undefined;
/** The first tick does not count. */
const untilSlow = slowTicksMax + 1;
const page = Buffer.alloc(partPageBytes, 'x');

function openBudget(parts: number) {
  const clock = openFakeClock();
  const buffers = openPartBuffers(parts * reservedPartPages, clock);
  return {
    buffers,
    /** Lets so many ticks pass; the buffers receive nothing meanwhile. */
    async tick(count: number) {
      for (let i = 0; i < count; i += 1) {
        clock.advance(uploadPaceTickMs);
        await nextTurn();
      }
    },
  };
}

async function fill(buffer: PartBuffer, bytes: Buffer): Promise<void> {
  if (!buffer.receive(bytes.length)) await buffer.waitForRoom(bytes.length, never);
  buffer.append(bytes);
}

t.test('an upload reserves a whole part, and costs what it has sent once it is slow', async (t) => {
  const { buffers, tick } = openBudget(4);
  const buffer = await buffers.acquire(never, ignore);
  t.equal(buffers.inUse(), reservedPartPages);
  await fill(buffer, page.subarray(0, 1000));
  await tick(untilSlow);
  t.equal(buffers.inUse(), 1);
  await fill(buffer, page);
  t.equal(buffers.inUse(), 2);
  buffer.close();
  t.equal(buffers.inUse(), 0);
});

t.test('a buffer that is not read meanwhile, or whose body has ended, is not slow', async (t) => {
  const { buffers, tick } = openBudget(4);
  const [paused, ended] = [await buffers.acquire(never, ignore), await buffers.acquire(never, ignore)];
  paused.setReading(false);
  ended.append(page);
  ended.endBody();
  await tick(3 * slowTicksMax);
  t.equal(buffers.inUse(), reservedPartPages + 1);
  paused.setReading(true);
  await tick(untilSlow);
  t.equal(buffers.inUse(), 1);
  paused.close();
  ended.close();
  t.equal(buffers.inUse(), 0);
});

t.test('uploads that find no room are admitted in the order in which they came', async (t) => {
  const { buffers } = openBudget(2);
  const first = [await buffers.acquire(never, ignore), await buffers.acquire(never, ignore)];
  const admitted: string[] = [];
  const leaving = new AbortController();
  const left = buffers.acquire(leaving.signal, ignore);
  const waiting = ['a', 'b'].map((name) =>
    buffers.acquire(never, ignore).then((buffer) => {
      admitted.push(name);
      return buffer;
    }),
  );
  t.equal(buffers.waiting(), 3);
  leaving.abort(new Error('gone'));
  await t.rejects(left, /gone/);
  first[0]?.close();
  await waiting[0];
  t.strictSame(admitted, ['a']);
  first[1]?.close();
  for (const buffer of await Promise.all(waiting)) buffer.close();
  t.strictSame(admitted, ['a', 'b']);
  t.equal(buffers.inUse(), 0);
  t.equal(buffers.waiting(), 0);
});

t.test('while others wait the slowest uploads make room, and no more of them than must', async (t) => {
  const parts = 5;
  const { buffers, tick } = openBudget(parts);
  const evicted: number[] = [];
  const slow: PartBuffer[] = [];
  for (let i = 0; i < 9; i += 1) {
    const buffer = await buffers.acquire(never, () => {
      evicted.push(i);
      setImmediate(buffer.close);
    });
    slow.push(buffer);
    await tick(untilSlow);
    for (let n = 0; n < 40; n += 1) await fill(buffer, page);
  }
  t.equal(buffers.inUse(), 360, 'nobody waits: slow uploads may hold all there is');
  const fast = await buffers.acquire(never, ignore);
  await nextTurn();
  const slowPagesMax = Math.floor(parts * reservedPartPages * slowPagesShare);
  t.ok(buffers.inUse() - reservedPartPages <= slowPagesMax, `${buffers.inUse()} pages`);
  t.equal(evicted.length, Math.ceil((360 - slowPagesMax) / 40));
  fast.close();
  for (const buffer of slow) buffer.close();
  t.equal(buffers.inUse(), 0);
});

t.test('a slow upload that finds no page waits for one, and gets it when another one ends', async (t) => {
  const { buffers, tick } = openBudget(4);
  const slow = await buffers.acquire(never, () => t.fail('holds less than its share'));
  await tick(untilSlow);
  const fast = await Promise.all([1, 2, 3].map(() => buffers.acquire(never, ignore)));
  fast.push(await buffers.acquire(never, ignore));
  t.notOk(slow.receive(partPageBytes));
  const given = slow.waitForRoom(partPageBytes, never);
  const waitsLonger = buffers.acquire(never, ignore);
  t.equal(buffers.waiting(), 2);
  fast[0]?.close();
  await given;
  t.ok(slow.receive(partPageBytes));
  t.equal(buffers.waiting(), 1, 'a few pages go ahead of a whole part');
  for (const buffer of [...fast, slow]) buffer.close();
  (await waitsLonger).close();
  t.equal(buffers.inUse(), 0);
});

t.test('a slow upload that has become faster reserves its next part', async (t) => {
  const { buffers, tick } = openBudget(4);
  const buffer = await buffers.acquire(never, ignore);
  await tick(untilSlow);
  t.equal(buffers.inUse(), 0);
  while (!buffer.isFull()) {
    for (let i = 0; i < 4; i += 1) await fill(buffer, page);
    await tick(1);
  }
  const part = buffer.takePart();
  await buffer.waitForPart(never);
  t.equal(buffers.inUse(), partBytes / partPageBytes + reservedPartPages);
  part.release();
  buffer.close();
  t.equal(buffers.inUse(), 0);
});

t.test('bytes come out as they went in, in any chunks, beside any other upload', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 500_000 }), { maxLength: 40 }),
      fc.boolean(),
      async (sizes, isSlow) => {
        const { buffers, tick } = openBudget(4);
        const [buffer, other] = [await buffers.acquire(never, ignore), await buffers.acquire(never, ignore)];
        if (isSlow) await tick(untilSlow);
        const [sent, stored]: [Buffer[], Buffer[]] = [[], []];
        const take = () => {
          const part = buffer.takePart();
          stored.push(...part.pieces.map((piece) => Buffer.from(piece)));
          const bytes = Buffer.concat(part.pieces);
          part.release();
          return { bytes: bytes.length, isRight: part.crc32 === crc32(bytes) };
        };
        for (const size of sizes) {
          const bytes = randomBytes(size);
          await fill(buffer, bytes);
          await fill(other, bytes.subarray(0, 1 + (size % 1000)));
          sent.push(bytes);
          if (!buffer.isFull()) continue;
          const { bytes: length, isRight } = take();
          if (!isRight || length < partBytes) return false;
          await buffer.waitForPart(never);
        }
        const isLastRight = take().isRight;
        buffer.close();
        other.close();
        return isLastRight && Buffer.concat(stored).equals(Buffer.concat(sent)) && buffers.inUse() === 0;
      },
    ),
    { numRuns: 30 },
  ),
);

t.test('a client that sends nothing keeps no whole part while another upload waits for one', async (t) => {
  const { buffers, tick } = openBudget(2);
  const idle = [await buffers.acquire(never, ignore), await buffers.acquire(never, ignore)];
  const waiting = buffers.acquire(never, ignore);
  await tick(2);
  (await waiting).close();
  for (const buffer of idle) buffer.close();
  t.equal(buffers.inUse(), 0);
});
