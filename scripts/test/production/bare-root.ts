import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../../lib/apt.ts';
import { toolsFolder } from '../../lib/paths.ts';
import { findOnPath, runTool } from '../../lib/run-tool.ts';
import { sayOnTerminal as say } from '../../lib/steps.ts';

const packages = 'ca-certificates curl ffmpeg redis-server bubblewrap logrotate procps python3 linux-libc-dev';

/**
 * Returns the root of a Debian 13 with the packages that the start scripts and the tests need, because their network has no internet
 * access. Created once for each list of packages.
 */
export async function makeBareRoot(): Promise<string> {
  const folder = join(toolsFolder(), 'aws', 'debian-13');
  const mark = join(folder, '.complete');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === packages) return folder;
  say('Making a Debian 13 root (one to two minutes) ...');
  rmSync(folder, { recursive: true, force: true });
  // On Ubuntu, debootstrap comes without Debian's keyring.
  if (findOnPath('debootstrap') === undefined) await installPackages(['debootstrap', 'debian-archive-keyring']);
  await runTool('debootstrap', ['--variant=minbase', 'trixie', folder]);
  const install = `printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d &&
    apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages} && rm /usr/sbin/policy-rc.d`;
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) cpSync(file, join(folder, file), { dereference: true });
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runTool('chroot', [folder, 'sh', '-c', install], { env, timeoutMs: 900_000 });
  writeFileSync(mark, packages);
  return folder;
}
