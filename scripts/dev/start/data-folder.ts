import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { toolsFolder } from '../../lib/paths.ts';
import { identify, isAlive, type ProcessIdentity } from '../../lib/processes.ts';
import { UserError } from '../../lib/user-error.ts';
import { removeClusterFolder } from '../servers/postgres-folder.ts';
import { secretsFile } from './secrets.ts';

const lockFile = 'lock';
const freeBytesMin = 1024 ** 3;

/** Locks DATA_DIR until `release`, so that a second start on the same folder fails. */
export function openDataFolder(dataDir: string): { release(): void } {
  mkdirSync(dataDir, { recursive: true });
  // PostgreSQL may run as another user, who needs to enter the folder. Files with secrets have mode 0600.
  if (readdirSync(dataDir).length === 0) chmodSync(dataDir, 0o711);
  const lock = join(dataDir, lockFile);
  checkSpace(dataDir);
  takeLock(lock, dataDir);
  return { release: () => rmSync(lock, { force: true }) };
}

/** Empties the folder except for the lock, and for TOOLS_DIR if it is inside. */
export function emptyDataFolder(dataDir: string): void {
  const names = readdirSync(dataDir).filter((name) => name !== lockFile);
  if (names.length === 0) return;
  if (!existsSync(join(dataDir, secretsFile))) {
    throw new UserError(
      `Expected ${dataDir} to be a folder that npm start created, got other files: empty it manually, or set DATA_DIR.`,
    );
  }
  removeClusterFolder(join(dataDir, 'postgres'));
  const tools = resolve(toolsFolder());
  for (const name of names.map((each) => join(dataDir, each)).sort(secretsLast)) {
    if (!`${tools}${sep}`.startsWith(`${name}${sep}`)) rmSync(name, { recursive: true, force: true });
  }
}

/** Sorts the secrets file last. It identifies the folder, so that an interrupted `--fresh` can be repeated. */
function secretsLast(one: string, other: string): number {
  return Number(one.endsWith(secretsFile)) - Number(other.endsWith(secretsFile));
}

/** Creates the lock atomically as a hard link. The lock of a process that has ended is replaced. */
function takeLock(lock: string, dataDir: string): void {
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (tryLink(own, lock)) return;
      const holder = readHolder(lock);
      if (holder !== undefined && isAlive(holder)) {
        throw new UserError(
          `A service already runs on ${dataDir} (process ${holder.pid}): stop it first, or set DATA_DIR to another folder.`,
        );
      }
      rmSync(lock, { force: true });
    }
    throw new UserError(`Expected to lock ${dataDir}, but another npm start locked it first: try again.`);
  } finally {
    rmSync(own, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(lock: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function checkSpace(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  const freeBytes = bavail * bsize;
  if (freeBytes >= freeBytesMin) return;
  const freeMiB = Math.floor(freeBytes / 1024 ** 2);
  throw new UserError(
    `Expected 1 GiB free on the disk of ${dataDir}, got ${freeMiB} MiB: free some space, or set DATA_DIR to a folder on another disk.`,
  );
}
