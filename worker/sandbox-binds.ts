import { closeSync, existsSync, openSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Bind } from './sandbox-modes.ts';
import type { Tools } from './tools.ts';

/** Where a tool finds its job's files. */
const jobFolder = '/job';

const systemFolders = ['/usr', '/lib', '/lib32', '/lib64', '/bin', '/etc/alternatives', '/etc/ld.so.cache'];
const devices = ['/dev/null', '/dev/zero', '/dev/urandom'];

/**
 * Returns what every tool sees of the machine: programs, libraries and harmless devices. There is no /proc, no /tmp and no
 * folder that can be written to.
 */
export function systemBinds(tools: Tools): readonly Bind[] {
  const bind = (access: Bind['access']) => (path: string) => ({ access, source: path, target: path });
  return [
    ...systemFolders.filter(existsSync).map(bind('ro')),
    ...[tools.ffmpeg, tools.ffprobe].flatMap(programBinds),
    ...devices.filter(existsSync).map(bind('dev')),
  ];
}

/** The file alone, as its folder may hold anything; a program that lies in a system folder may be a link to elsewhere. */
function programBinds(path: string): Bind[] {
  const source = realpathSync(path);
  const outside = [...new Set([source, path])].filter(
    (each) => !systemFolders.some((root) => each.startsWith(`${root}/`)),
  );
  return outside.map((target) => ({ access: 'ro', source, target }));
}

/**
 * Returns what a tool sees of its job: the files that are in `folder` now, of which it can write to `outputs` alone. These
 * are made here, empty, as the tool can make no file. So `outputs` and RLIMIT_FSIZE bound what it can store.
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
