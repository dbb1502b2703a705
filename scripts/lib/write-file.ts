import { renameSync, writeFileSync } from 'node:fs';

/** Readers see the old content or the new, never half of it, and nobody but the owner sees any. */
export function writePrivateFile(path: string, content: string): void {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, content, { mode: 0o600 });
  renameSync(unfinished, path);
}
