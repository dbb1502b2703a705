import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { rootFolder } from './paths.ts';

/** Paths that a measurement depends on, without the results that it writes. */
const measuredPaths = [
  'src',
  'worker',
  'bench',
  'scripts/lib',
  'scripts/dev/testbed',
  'scripts/dev/servers',
  'package-lock.json',
  ':!bench/results',
];

/** Returns the date, commit and machine of a measurement. */
export function readRunMetadata(command: string) {
  return {
    date: new Date().toISOString(),
    command,
    commit: git('rev-parse', 'HEAD'),
    hasUncommittedChanges: git('status', '--porcelain', '--', ...measuredPaths) !== '',
    node: process.version,
    machine: {
      processor: cpus()[0]?.model ?? 'unknown',
      processors: cpus().length,
      memoryMiB: Math.round(totalmem() / 1024 / 1024),
      kernel: release(),
    },
  };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { cwd: rootFolder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
