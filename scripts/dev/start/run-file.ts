import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../../lib/write-file.ts';

/** What tools find a running service by. A server that we did not start has no pid. */
export interface RunFile {
  baseUrl: string;
  metricsUrls: { web: string[]; worker: string[] };
  pids: { web: number[]; worker: number[]; postgres: number | null; redis: number | null; s3: number | null };
  databaseUrl: string;
  redisUrl: string;
  s3: {
    endpoint: string;
    bucket: string;
    accessKeyId: string;
    secretAccessKey: string;
    accountId: string | null;
  };
  secretKey: string;
  version: string;
}

export function writeRunFile(dataDir: string, content: RunFile): void {
  writePrivateFile(join(dataDir, 'run.json'), `${JSON.stringify(content, undefined, 2)}\n`);
}

export function removeRunFile(dataDir: string): void {
  rmSync(join(dataDir, 'run.json'), { force: true });
}
