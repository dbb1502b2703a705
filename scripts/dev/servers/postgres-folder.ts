import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { identify, signalProcess } from '../../lib/processes.ts';
import { waitFor } from '../../lib/wait.ts';
import { makeFolderFor, type PostgresBinaries, sharedFolder } from './postgres-binaries.ts';

/**
 * Returns the folder of the cluster. If its user cannot reach `wanted`, for example a DATA_DIR under /root, the files are in a shared
 * folder and `wanted` is a link to it.
 */
export function openClusterFolder(wanted: string, user: PostgresBinaries['user']): string {
  if (lstatSync(wanted, { throwIfNoEntry: false })?.isSymbolicLink()) {
    const target = clusterFolderBehind(wanted);
    makeFolderFor(user, target);
    return target;
  }
  mkdirSync(dirname(wanted), { recursive: true });
  if (user === undefined || canPass(realpathSync(dirname(wanted)), user)) {
    makeFolderFor(user, wanted);
    return wanted;
  }
  const target = clusterFolderBehind(wanted);
  mkdirSync(sharedFolder, { recursive: true, mode: 0o755 });
  makeFolderFor(user, target);
  symlinkSync(target, wanted);
  return target;
}

/** Deletes a cluster and the link to it, if any. */
export function removeClusterFolder(wanted: string): void {
  if (lstatSync(wanted, { throwIfNoEntry: false })?.isSymbolicLink()) {
    rmSync(clusterFolderBehind(wanted), { recursive: true, force: true });
  }
  rmSync(wanted, { recursive: true, force: true });
}

/** Computes the target of the link, so that no other path is ever followed or deleted. */
function clusterFolderBehind(wanted: string): string {
  const real = join(realpathSync(dirname(wanted)), 'postgres');
  return join(sharedFolder, `cluster-${createHash('sha256').update(real).digest('hex').slice(0, 16)}`);
}

function canPass(folder: string, user: { uid: number; gid: number }): boolean {
  return canEnter(folder, user) && (folder === '/' || canPass(dirname(folder), user));
}

function canEnter(folder: string, user: { uid: number; gid: number }): boolean {
  const { mode, uid, gid } = statSync(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  return gid === user.gid ? (mode & 0o010) !== 0 : (mode & 0o001) !== 0;
}

/**
 * After a crash the old postmaster may still run, or another process may have its pid. PostgreSQL would refuse to start in either case.
 * This ends the old postmaster and removes its pid file.
 */
export async function clearStalePostmaster(folder: string): Promise<void> {
  const pidFile = join(folder, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  if (Number.isInteger(pid) && pid > 1 && worksIn(pid, folder)) {
    signalProcess(pid, 'SIGINT');
    await waitFor('the PostgreSQL of an earlier run to end', () => identify(pid) === undefined, { timeoutMs: 30_000 });
  }
  rmSync(pidFile, { force: true });
}

function worksIn(pid: number, folder: string): boolean {
  try {
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(folder);
  } catch {
    return false;
  }
}
