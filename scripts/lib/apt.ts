import { findOnPath, tryTool } from './run-tool.ts';

let lastInstall: Promise<unknown> = Promise.resolve();
let isUpdated = false;

/** Whether packages of the system can be installed without asking anybody. */
export async function canInstallPackages(): Promise<boolean> {
  if (findOnPath('apt-get') === undefined) return false;
  if (process.getuid?.() === 0) return true;
  return (await tryTool('sudo', ['-n', 'true'])).code === 0;
}

/** One install after another: apt holds a lock. False where there is no such package or no right to install it. */
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
 * Packages of servers start them as services; ours are started by us. policy-rc.d is how Debian is told so. It is
 * removed again, unless it was there before.
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
