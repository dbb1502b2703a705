import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, isExecutable, runTool } from '../../scripts/lib/run-tool.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

export interface PgbenchRun {
  url: string;
  /** The folder that the script is written to. */
  folder: string;
  script: string;
  clients: number;
  seconds: number;
}

/** Runs PostgreSQL's own load generator with prepared statements and two threads. */
export async function runPgbench({ url, folder, script, clients, seconds }: PgbenchRun) {
  const file = join(folder, 'pgbench.sql');
  writeFileSync(file, script);
  const args = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '2', '-T', String(seconds), '-f', file, url];
  const { stdout } = await runTool(findPgbench(), args);
  const read = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  return { transactions: read(/actually processed: (\d+)/), perSecond: read(/tps = ([\d.]+)/) };
}

function findPgbench(): string {
  const onPath = findOnPath('pgbench');
  if (onPath !== undefined) return onPath;
  const folder = '/usr/lib/postgresql';
  const found = listFolder(folder)
    .map((version) => join(folder, version, 'bin', 'pgbench'))
    .find(isExecutable);
  if (found !== undefined) return found;
  throw new UserError('Expected pgbench on the PATH, got none: on Debian it is in the package `postgresql`.');
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort().reverse();
  } catch {
    return [];
  }
}
