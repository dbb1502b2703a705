import { crc32 } from '@node-rs/crc32';

/** The CRC32 of what `soFar` stands for and then `bytes`; begin with 0. */
export function extendCrc32(soFar: number, bytes: Buffer): number {
  return crc32(bytes, soFar);
}

/** As S3 wants it: base64 of its four bytes, the highest first. */
export function formatCrc32(value: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}
