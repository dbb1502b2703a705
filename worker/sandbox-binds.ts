import { closeSync, existsSync, openSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Bind } from './sandbox-modes.ts';
import type { Tools } from './tools.ts';

/** The folder in which a tool finds its job's files. */
const jobFolder = '/job';

const systemFolders = ['/usr', '/lib', '/lib32', '/lib64', '/bin', '/etc/alternatives', '/etc/ld.so.cache'];
const devices = ['/dev/null', '/dev/zero', '/dev/urandom'];

/**
 * Returns the binds that every tool gets: programs, libraries and harmless devices. There is no /proc, no /tmp and no writable
 * folder.
 */
export function systemBinds(tools: Tools): readonly Bind[] {
  const bind = (access: Bind['access']) => (path: string) => ({ access, source: path, target: path });
  return [
    ...systemFolders.filter(existsSync).map(bind('ro')),
    ...[tools.ffmpeg, tools.ffprobe].flatMap(programBinds),
    ...devices.filter(existsSync).map(bind('dev')),
  ];
}

/** Binds only the program's file, since its folder may contain anything. A program in a system folder may be a link to elsewhere. */
function programBinds(path: string): Bind[] {
  const source = realpathSync(path);
  const outside = [...new Set([source, path])].filter(
    (each) => !systemFolders.some((root) => each.startsWith(`${root}/`)),
  );
  return outside.map((target) => ({ access: 'ro', source, target }));
}

/**
 * Returns the binds of a job: the files that are in `folder` now, of which only `outputs` are writable. The outputs are created here,
 * empty, because the tool cannot create files. `outputs` and RLIMIT_FSIZE thus bound what it can store.
 */
export function jobBinds(folder: string, outputs: readonly string[]): readonly Bind[] {
  for (const name of outputs) closeSync(openSync(join(folder, name), 'a', 0o600));
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
  return names.map(({ name }) => ({
    access: outputs.includes(name) ? 'rw' : 'ro',
    source: join(folder, name),
    target: join(jobFolder, name),
  }));
}
