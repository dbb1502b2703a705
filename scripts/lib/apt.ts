import { findOnPath, tryTool } from './run-tool.ts';

let lastInstall: Promise<unknown> = Promise.resolve();
let isUpdated = false;

/** Whether system packages can be installed without a password. */
export async function canInstallPackages(): Promise<boolean> {
  if (findOnPath('apt-get') === undefined) return false;
  if (process.getuid?.() === 0) return true;
  return (await tryTool('sudo', ['-n', 'true'])).code === 0;
}

/** Runs one install at a time, because apt holds a lock. Returns false if a package does not exist or may not be installed. */
export function installPackages(names: readonly string[]): Promise<boolean> {
  const install = lastInstall.then(async () => {
    if (!(await canInstallPackages())) return false;
    if (!isUpdated) await asRoot('apt-get', ['update', '-qq']);
    isUpdated = true;
    const { code } = await asRoot('sh', ['-c', withoutServices, 'sh', ...names]);
    return code === 0;
  });
  lastInstall = install.catch(() => false);
  return install;
}

/**
 * Packages of servers start them as services. A policy-rc.d prevents that; it is removed afterwards unless it existed before.
 */
const withoutServices = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
`;

function asRoot(command: string, args: readonly string[]) {
  if (process.getuid?.() === 0) return tryTool(command, args);
  return tryTool('sudo', ['-n', command, ...args]);
}
