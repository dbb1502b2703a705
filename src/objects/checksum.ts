import { crc32 } from '@node-rs/crc32';

/** Returns the CRC32 of earlier bytes followed by `bytes`. `soFar` is the CRC32 of the earlier bytes, 0 for none. */
export function extendCrc32(soFar: number, bytes: Buffer): number {
  return crc32(bytes, soFar);
}

/** Formats a CRC32 as S3 expects it: base64 of four bytes in big-endian order. */
export function formatCrc32(value: number): string {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}
