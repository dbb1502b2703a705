import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../scripts/lib/paths.ts';
import { signalProcess } from '../../../scripts/lib/processes.ts';
import { runTool, tryTool } from '../../../scripts/lib/run-tool.ts';
import type { Environment } from '../../support/environment.ts';
import { requireSetting } from '../../support/settings.ts';

const stand = join(rootFolder, 'test/aws/bare');

/** Makes a copy of the bare root with the file that a template writes before its start script (`file` under /etc/anb), and with
 * replacements for systemd. */
export function openMachine(environment: Environment, name: string, file: string, lines: Record<string, string>) {
  const folder = join(environment.folder, name);
  const upper = join(folder, 'upper');
  for (const each of ['etc/anb', 'usr/local/bin']) mkdirSync(join(upper, each), { recursive: true });
  for (const each of ['systemctl', 'hostnamectl']) cpSync(join(stand, each), join(upper, 'usr/local/bin', each));
  for (const each of ['user_data_web.sh', 'user_data_worker.sh']) cpSync(join(rootFolder, each), join(upper, each));
  const values = { AWS_REGION: 'us-east-1', S3_ENDPOINT: environment.values['S3_ENDPOINT'], ...lines };
  const text = Object.entries(values).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(upper, 'etc/anb', file), text.join(''));
  const state = join(upper, 'var/lib/stand-in');

  function pids(): Record<string, number> {
    const units = existsSync(state) ? readdirSync(state) : [];
    return Object.fromEntries(units.map((unit) => [unit, readPid(join(state, unit))]));
  }

  return {
    pids,
    path: (inside: string) => join(upper, inside),
    run: (host: string, ...command: string[]) =>
      tryTool(join(stand, 'enter'), [requireSetting('BARE_ROOT'), folder, host, ...command], { timeoutMs: 150_000 }),
    async stop() {
      // Each started a session, so that its children end with it. (The program `kill` treats a group that begins with 1
      // as all processes.)
      for (const pid of Object.values(pids())) signalProcess(-pid, 'SIGKILL');
      await tryTool('umount', ['-l', join(folder, 'root')]);
      await runTool('rm', ['-rf', folder]);
    },
  };
}

/** Any other value, as a group to end, would be this process's group or all processes. */
function readPid(path: string): number {
  const pid = Number(readFileSync(path, 'utf8'));
  if (!(Number.isInteger(pid) && pid > 1)) throw new Error(`Expected ${path} to hold a process id, got ${pid}`);
  return pid;
}
