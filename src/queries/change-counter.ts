import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';

export interface ChangeCounter {
  /** Call once a change is committed and before its response: responses cached earlier are out of date from then on. */
  add(): void;
  read(): number;
}

/**
 * Opens the counter of changes that clients of this instance must see at once: publications, withdrawals and deletions. The web
 * processes share the counter through a page of memory mapped from `dataDir`/changes, so that each sees a change before the client
 * that made it gets a response, and a read costs no system call. `onFailure` is called when the file cannot be mapped. A process then
 * sees only its own changes at once, and those of others when its cache refreshes.
 */
export function openChangeCounter(dataDir: string, onFailure: (error: unknown) => void): ChangeCounter {
  const counter = new Int32Array(tryMap(dataDir, onFailure) ?? new ArrayBuffer(4));
  return {
    add: () => void Atomics.add(counter, 0, 1),
    read: () => Atomics.load(counter, 0),
  };
}

function tryMap(dataDir: string, onFailure: (error: unknown) => void): ArrayBuffer | undefined {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    return mapFile(join(dataDir, 'changes'));
  } catch (error) {
    onFailure(error);
    return undefined;
  }
}

/** Replaces the counter for caches whose responses expire by age alone. */
export const noChanges = { read: () => 0 };

const pageBytes = 4096;
/** Linux' values, the same on x64 and arm64. */
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

function mapFile(path: string): ArrayBuffer {
  const mmap = koffi
    .load(null)
    .func('void *mmap(void *address, size_t bytes, int protection, int flags, int fd, int64_t offset)');
  const fd = openSync(path, 'a+', 0o600);
  try {
    ftruncateSync(fd, pageBytes);
    const address: unknown = mmap(null, pageBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    if (koffi.address(address) === 0xffff_ffff_ffff_ffffn) throw new Error(`Expected to map ${path}, got MAP_FAILED`);
    return koffi.view(address, pageBytes);
  } finally {
    closeSync(fd);
  }
}
