import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Command, openSandbox, type RunLimits, type Sandbox } from '../../../worker/sandbox.ts';
import { type SandboxMode, sandboxModes } from '../../../worker/sandbox-modes.ts';
import type { Tools } from '../../../worker/tools.ts';
import { makeFolder, openParts } from './clips.ts';

export const isRoot = process.getuid?.() === 0;

/** A user without rights, who owns nothing. */
const plainUser = 59_999;

/** A mode as one kind of user runs it. */
export interface MatrixEntry {
  readonly name: string;
  readonly mode: SandboxMode;
  readonly tools: Tools;
  wrap(folder: string, tool: string, args: readonly string[], limits: RunLimits): Command;
}

/**
 * Returns every mode that isolates on this machine, as this user and, where the tests run as root, as a user without rights,
 * and names those that do not work here.
 */
export async function openMatrix(t: Test): Promise<readonly MatrixEntry[]> {
  const { tools } = await openParts(t);
  const entries: MatrixEntry[] = [];
  for (const mode of sandboxModes.filter((each) => each !== 'none')) {
    const sandbox = await openMode(t, tools, mode);
    if (typeof sandbox === 'string') {
      t.comment(`${mode} does not work here: ${sandbox}`);
      continue;
    }
    entries.push({ name: mode, mode, tools, wrap: sandbox.wrap });
    if (isRoot && mode !== 'own-id') entries.push(asPlainUser(sandbox, tools));
  }
  return entries;
}

async function openMode(t: Test, tools: Tools, mode: SandboxMode): Promise<Sandbox | string> {
  return openSandbox(tools, await makeFolder(t), { allowsUnsandboxed: false, modes: [mode] }).catch(String);
}

function asPlainUser(sandbox: Sandbox, tools: Tools): MatrixEntry {
  const become = [`--reuid=${plainUser}`, `--regid=${plainUser}`, '--clear-groups', '--'];
  return {
    name: `${sandbox.mode}, started by a user without rights`,
    mode: sandbox.mode,
    tools,
    wrap(folder, tool, args, limits) {
      const { command, args: wrapped, ...rest } = sandbox.wrap(folder, tool, args, limits);
      for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
        chownSync(path, plainUser, plainUser);
      return { command: '/usr/bin/setpriv', args: [...become, command, ...wrapped], ...rest };
    },
  };
}
