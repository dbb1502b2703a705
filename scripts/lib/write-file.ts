import { renameSync, writeFileSync } from 'node:fs';

/** Replaces a file atomically. Only its owner can read it. */
export function writePrivateFile(path: string, content: string): void {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, content, { mode: 0o600 });
  renameSync(unfinished, path);
}
