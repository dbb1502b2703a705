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

/** Makes DATA_DIR ours until `release`: of two starts on one folder the second is refused. */
export function openDataFolder(dataDir: string): { release(): void } {
  mkdirSync(dataDir, { recursive: true });
  // PostgreSQL may run as another user, who has to pass through; what is secret here has a mode of its own.
  if (readdirSync(dataDir).length === 0) chmodSync(dataDir, 0o711);
  const lock = join(dataDir, lockFile);
  checkSpace(dataDir);
  takeLock(lock, dataDir);
  return { release: () => rmSync(lock, { force: true }) };
}

/** Empties the folder, but for the lock and for tools that somebody keeps in it. */
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

/** Until all else is gone the folder is known as ours, so that an interrupted `--fresh` can be repeated. */
function secretsLast(one: string, other: string): number {
  return Number(one.endsWith(secretsFile)) - Number(other.endsWith(secretsFile));
}

/** A hard link is made whole or not at all; one left by a process that is gone is taken over. */
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
