import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
  const programs = [tools.ffmpeg, tools.ffprobe].map(dirname).filter((path) => !/^\/(usr\/)?s?bin$/.test(path));
  const bind = (access: Bind['access']) => (path: string) => ({ access, source: path, target: path });
  return [
    ...[...systemFolders, ...new Set(programs)].filter(existsSync).map(bind('ro')),
    ...devices.filter(existsSync).map(bind('dev')),
  ];
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
