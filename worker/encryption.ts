import { type FileHandle, open } from 'node:fs/promises';
import { movieIndexMaxBytes } from '../src/limits.ts';

/**
 * Whether an MP4 says of its picture or sound that it is encrypted. FFmpeg hides it: it names the codec beneath and decodes
 * noise. The mark stands in the movie's index; one too large to be looked through counts as clear, and fails later.
 */
export async function isEncrypted(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const index = await readIndex(file);
    return index !== undefined && marks.some((mark) => index.includes(mark)) && index.includes('sinf');
  } finally {
    await file.close();
  }
}

const marks = ['encv', 'enca', 'drmi', 'drms'];
const boxesMax = 10_000;

/** The box named moov among the file's outermost ones. */
async function readIndex(file: FileHandle): Promise<Buffer | undefined> {
  const { size: fileBytes } = await file.stat();
  const header = Buffer.alloc(16);
  let at = 0;
  for (let boxes = 0; boxes < boxesMax && at + 8 <= fileBytes; boxes += 1) {
    await file.read(header, 0, 16, at);
    const shortSize = header.readUInt32BE(0);
    // 1: the size is in the next eight bytes. 0: the box goes on to the end.
    const longSize = shortSize === 1 ? Number(header.readBigUInt64BE(8)) : shortSize;
    const bytes = Math.min(longSize === 0 ? fileBytes - at : longSize, fileBytes - at);
    if (bytes < 8) return undefined;
    if (header.toString('latin1', 4, 8) === 'moov') {
      if (bytes > movieIndexMaxBytes) return undefined;
      const { buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
      return buffer;
    }
    at += bytes;
  }
  return undefined;
}
