import { readFile, writeFile } from 'node:fs/promises';
import { listBoxes } from '../../faults/support/mp4-boxes.ts';

/** The offset of a field in a box of version 0, from the box's start. */
export const durationAt = { mvhd: 24, tkhd: 28, mdhd: 24, elst: 16 } as const;
export const matrixAt = { tkhd: 48 } as const;

/** Overwrites 32-bit fields of the `nth` box of a type. */
export async function setField(path: string, type: string, offset: number, values: number[], nth = 0): Promise<void> {
  const bytes = await readFile(path);
  const box = listBoxes(bytes).filter((each) => each.type === type)[nth];
  if (box === undefined) throw new Error(`Expected a box ${type}, got none`);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value | 0, box.start + offset + i * 4);
  await writeFile(path, bytes);
}

/** Replaces bytes that are in the file exactly once. */
export async function replaceOnce(path: string, from: Buffer, to: Buffer): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(from);
  if (at < 0 || bytes.indexOf(from, at + 1) >= 0) throw new Error(`Expected ${from.toString('hex')} once`);
  to.copy(bytes, at);
  await writeFile(path, bytes);
}
