import { listBoxes } from './mp4-boxes.ts';
import type { Random } from './random.ts';

/** Returns a copy with a few errors: changed bits, bytes and box sizes, pieces that are moved, repeated or removed. The brand stays. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let copy: Buffer = Buffer.from(bytes);
  for (let left = random.int(1, 8); left > 0; left -= 1) {
    copy = random.pick(mutations)(copy, random);
  }
  // A file whose first bytes are not an MP4's is refused before a worker sees it.
  bytes.copy(copy, 0, 0, 12);
  return copy;
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const mutations: readonly Mutation[] = [
  flipBits,
  overwriteBytes,
  changeIndexField,
  changeIndexField,
  changeBoxSize,
  swapBoxTypes,
  duplicatePiece,
  dropPiece,
];

/** Some of all bits, as a bad disk does it. */
function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = random.int(1, Math.ceil(bytes.length / 500)); left > 0; left -= 1) {
    const at = random.int(0, bytes.length - 1);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 7));
  }
  return bytes;
}

function overwriteBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.int(0, bytes.length - 1);
  return bytes.fill(random.pick([0, 0xff, 0x80, 0x7f]), at, Math.min(bytes.length, at + random.int(1, 64)));
}

const extremes = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0x10000, 100_000_000];

/** A count, an offset, a rate or a size in the index. */
function changeIndexField(bytes: Buffer, random: Random): Buffer {
  const boxes = listBoxes(bytes).filter(({ type, start, end }) => type !== 'mdat' && end - start >= 12);
  if (boxes.length === 0) return bytes;
  const { start, end } = random.pick(boxes);
  bytes.writeUInt32BE(random.pick(extremes), start + 8 + 4 * random.int(0, Math.floor((end - start - 12) / 4)));
  return bytes;
}

function changeBoxSize(bytes: Buffer, random: Random): Buffer {
  const boxes = listBoxes(bytes);
  if (boxes.length === 0) return bytes;
  bytes.writeUInt32BE(random.pick([...extremes, random.int(0, bytes.length * 2)]), random.pick(boxes).start);
  return bytes;
}

function swapBoxTypes(bytes: Buffer, random: Random): Buffer {
  const boxes = listBoxes(bytes);
  if (boxes.length < 2) return bytes;
  const [one, other] = [random.pick(boxes), random.pick(boxes)];
  bytes.write(one.type, other.start + 4, 'latin1');
  bytes.write(other.type, one.start + 4, 'latin1');
  return bytes;
}

function duplicatePiece(bytes: Buffer, random: Random): Buffer {
  const at = random.int(0, bytes.length - 1);
  const piece = bytes.subarray(at, Math.min(bytes.length, at + random.int(1, 2_000)));
  const to = random.int(0, bytes.length);
  return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]);
}

function dropPiece(bytes: Buffer, random: Random): Buffer {
  const at = random.int(0, bytes.length - 1);
  const rest = Buffer.concat([
    bytes.subarray(0, at),
    bytes.subarray(Math.min(bytes.length, at + random.int(1, 2_000))),
  ]);
  return rest.length >= 64 ? rest : bytes;
}
