import { join } from 'node:path';
import { rootFolder, toolsFolder } from '../../lib/paths.ts';
import { findOnPath } from '../../lib/run-tool.ts';
import { UserError } from '../../lib/user-error.ts';
import type { Command } from '../../lib/wrap.ts';
import { makeBareRoot } from './bare-root.ts';
import { installNode, type NodeVersion } from './node-binary.ts';

export interface ProductionSystem {
  /** Shown to users. */
  readonly description: string;
  /** Returns the command that runs a program of this checkout there; `node` is that version. */
  wrap(node: NodeVersion, args: readonly string[]): Promise<Command>;
}

/** Required by uWebSockets.js for Node.js 22 and later. Ubuntu 24.04 and Debian 13 have it, Debian 12 does not. */
const glibcMin = 2.38;

/**
 * Opens the system of servers: this machine if its C library is recent enough, else a Debian 13 in a separate root with its FFmpeg and
 * Redis, created once in about a minute. Throws a UserError if neither is possible; the second needs root and apt.
 */
export async function openProductionSystem(): Promise<ProductionSystem> {
  if (readGlibcVersion() >= glibcMin) {
    return {
      description: `this machine's system, glibc ${readGlibcVersion()}`,
      async wrap(node, args) {
        const bin = join(await installNode(node), 'bin');
        return { command: join(bin, 'node'), args, env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` } };
      },
    };
  }
  if (process.getuid?.() !== 0) throw new UserError('Expected to be root to make a Debian 13 root, got another user');
  if (findOnPath('apt-get') === undefined) throw new UserError('Expected apt to make a Debian 13 root, got none');
  const root = await makeBareRoot();
  return {
    description: 'Debian 13 in a separate root',
    async wrap(node, args) {
      const enter = [root, await installNode(node), rootFolder, 'node', ...args];
      const env = { ...process.env, TOOLS_DIR: toolsFolder() };
      return { command: join(rootFolder, 'scripts/test/production/enter'), args: enter, env };
    },
  };
}

function readGlibcVersion(): number {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return Number(header.glibcVersionRuntime ?? 0);
}
