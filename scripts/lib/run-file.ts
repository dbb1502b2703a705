import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Values } from '../../src/config.ts';
import { UserError } from './user-error.ts';
import { writePrivateFile } from './write-file.ts';

/** Content of `run.json` in DATA_DIR, by which tools find a running service. A server that `npm start` did not start has no pid. */
export interface RunFile {
  baseUrl: string;
  metricsUrls: { web: string[]; worker: string[] };
  pids: { web: number[]; worker: number[]; postgres: number | null; redis: number | null; s3: number | null };
  databaseUrl: string;
  redisUrl: string;
  s3: { endpoint: string; bucket: string; accessKeyId: string; secretAccessKey: string; accountId: string | null };
  secretKey: string;
  version: string;
}

/** Returns the run file of the service that runs from DATA_DIR, or undefined if none runs. */
export async function readRunFile(env: Values): Promise<RunFile | undefined> {
  const text = await readFile(pathIn(dataDirOf(env)), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as RunFile);
}

/** Rejects if no service runs: for commands whose settings name no service. */
export async function expectRunFile(env: Values): Promise<RunFile> {
  const found = await readRunFile(env);
  if (found !== undefined) return found;
  const path = pathIn(dataDirOf(env));
  throw new UserError(`Expected DATABASE_URL to be set or a service to be running (npm start, ${path}), got neither.`);
}

export function writeRunFile(dataDir: string, content: RunFile): void {
  writePrivateFile(pathIn(dataDir), `${JSON.stringify(content, undefined, 2)}\n`);
}

export function removeRunFile(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

function dataDirOf(env: Values): string {
  return env['DATA_DIR'] || '.data';
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'run.json');
}
