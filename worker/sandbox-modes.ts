import { chmodSync, chownSync } from 'node:fs';
import { toolEnvironment } from './ffmpeg.ts';
import { type Architecture, launcherCalls, numberOf } from './system-calls.ts';

/** The modes in the order of preference. `none` does not isolate. */
export const sandboxModes = ['bubblewrap', 'own-id', 'user-namespace', 'none'] as const;
export type SandboxMode = (typeof sandboxModes)[number];

/** Describes a path of this machine that a tool sees. `dev` is a device, which can be written to. */
export interface Bind {
  readonly access: 'ro' | 'rw' | 'dev';
  readonly source: string;
  readonly target: string;
}

/** Names the programs that isolate. Undefined means that a program is not installed. */
export interface Isolators {
  readonly bwrap: string | undefined;
  readonly perl: string | undefined;
  readonly launcher: string;
  readonly architecture: Architecture;
  readonly isRoot: boolean;
}

export interface Isolation {
  /** Returns the arguments that precede the tool's own command line. */
  prefix(binds: readonly Bind[]): readonly string[];
}

const isolations: Record<Exclude<SandboxMode, 'none'>, (isolators: Isolators) => Isolation | string> = {
  bubblewrap: ({ bwrap }) => (bwrap === undefined ? 'bubblewrap is not installed' : openBubblewrap(bwrap)),
  'own-id': (isolators) => {
    if (!isolators.isRoot) return 'the worker is not root';
    return isolators.perl === undefined ? 'perl is not installed' : openOwnId(isolators, isolators.perl);
  },
  'user-namespace': (isolators) =>
    isolators.perl === undefined ? 'perl is not installed' : openUserNamespace(isolators, isolators.perl),
};

/** Returns the isolation of this mode, or the reason why it is unavailable. The caller must try whether it works. */
export function openIsolation(mode: Exclude<SandboxMode, 'none'>, isolators: Isolators): Isolation | string {
  return isolations[mode](isolators);
}

const held = 'no network, no capabilities, a system-call filter, no files but programs, libraries and the job itself';

/** Describes to the operator how FFmpeg runs in each mode. */
export const modeDescriptions: Record<SandboxMode, string> = {
  bubblewrap: `isolated by bubblewrap: ${held}`,
  'own-id': `isolated as a user without rights, in namespaces of its own: ${held}`,
  'user-namespace': `isolated in a user namespace: ${held}`,
  none: "NOT isolated: FFmpeg has the worker's rights, and limits and input guards are the only protection",
};

/** The user id of a tool in the sandbox. No file on the machine should belong to it. */
const nobody = 65_534;

/** Opens isolation in a user namespace, in which the tool's id has no rights outside. */
function openBubblewrap(bwrap: string): Isolation {
  const flags = { ro: '--ro-bind', rw: '--bind', dev: '--dev-bind' } as const;
  const start = [
    ...[bwrap, '--unshare-all', '--unshare-user', '--uid', `${nobody}`, '--gid', `${nobody}`],
    ...['--die-with-parent', '--cap-drop', 'ALL', '--seccomp', '3', '--clearenv'],
    ...Object.entries(toolEnvironment).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
  return {
    prefix: (binds) => [
      ...start,
      ...binds.flatMap(({ access, source, target }) => [flags[access], source, target]),
      ...['--dir', '/job', '--remount-ro', '/', '--chdir', '/job', '--'],
    ],
  };
}

/**
 * User ids of systemd's dynamic range, which no account has. Each run gets the next one, so that the kernel counts the processes
 * of each run separately and no two runs share files.
 */
const firstOwnId = 61_184;
const ownIds = 4_336;

function openOwnId(isolators: Isolators, perl: string): Isolation {
  let next = process.pid;
  return {
    prefix(binds) {
      next += 1;
      const id = firstOwnId + (next % ownIds);
      // The folder still belongs to the worker. The tool reaches the files only through their binds.
      for (const { access, source } of binds.filter(({ target }) => target.startsWith('/job/'))) {
        if (access === 'rw') chownSync(source, id, id);
        else chmodSync(source, 0o644);
      }
      return launch(isolators, perl, `own:${id}`, binds);
    },
  };
}

function openUserNamespace(isolators: Isolators, perl: string): Isolation {
  return { prefix: (binds) => launch(isolators, perl, `user:${nobody}`, binds) };
}

function launch(
  { launcher, architecture }: Isolators,
  perl: string,
  identity: string,
  binds: readonly Bind[],
): readonly string[] {
  const numbers = Object.entries(launcherCalls).map(([name, both]) => `${name}=${numberOf(both, architecture)}`);
  const places = binds.flatMap(({ access, source, target }) => [access, source, target]);
  const environment = Object.entries(toolEnvironment).flatMap(([name, value]) => ['env', name, value]);
  return [perl, launcher, numbers.join(','), identity, ...places, ...environment, '--'];
}
