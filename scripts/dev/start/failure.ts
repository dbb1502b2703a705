import { inspect } from 'node:util';
import { ConfigError } from '../../../src/errors.ts';
import { UserError } from '../../lib/user-error.ts';

/** Returns one sentence for a known failure, and all details for an unknown one. */
export function describeFailure(error: unknown, dataDir: string): string {
  const text =
    error instanceof Error ? `${error.message} ${(error as NodeJS.ErrnoException).code ?? ''}` : String(error);
  if (/ENOSPC|no space left on device/i.test(text)) {
    return `The disk of ${dataDir} is full: free some space, or set DATA_DIR to a folder on another disk.`;
  }
  if (/\bEACCES\b|\bEPERM\b/.test(text)) {
    return `Expected to be allowed to read and write everything in ${dataDir}, got: ${text.trim()}. Start as the user who owns it, or set DATA_DIR.`;
  }
  if (/\b(EEXIST|ENOTDIR)\b/.test(text) && text.includes(dataDir)) {
    return `Expected ${dataDir} to be a folder, got a file at or above that path: set DATA_DIR to another folder.`;
  }
  if (error instanceof UserError || error instanceof ConfigError) return error.message;
  return inspect(error);
}
