import { readdirSync } from 'node:fs';
import type { Sql } from '../../src/database/open.ts';
import type { createBucket } from './bucket.ts';
import { findJobs } from './redis.ts';

interface Place {
  values: Record<string, string>;
  sql: Sql;
  bucket: Awaited<ReturnType<typeof createBucket>>;
  hadWorker: boolean;
  isCrashTest: boolean;
}

/**
 * Returns everything a test left that no row, intent or job accounts for, each in a few words. The count of changes that the web
 * processes of an instance share is kept while the instance exists.
 */
export async function findLeftovers(environment: Place): Promise<string[]> {
  const { named, intended } = await readNamedKeys(environment.sql);
  const keys = await environment.bucket.keys();
  const multiparts = await environment.bucket.openMultiparts();
  const allowed = environment.isCrashTest ? intended : new Set<string>();
  const jobs = environment.hadWorker ? await findJobs(environment.values['REDIS_URL'] ?? '') : {};
  return [
    ...keys.filter((key) => !named.has(key) && !intended.has(key)).map((key) => `an object without a row: ${key}`),
    ...multiparts.filter((key) => !allowed.has(key)).map((key) => `an open multipart upload: ${key}`),
    ...Object.entries(jobs).map(([list, count]) => `${count} jobs in ${list}`),
    ...listFiles(environment.values['DATA_DIR'] ?? '')
      .filter((path) => !path.endsWith('/data/changes'))
      .map((path) => `a file in DATA_DIR: ${path}`),
  ];
}

async function readNamedKeys(sql: Sql): Promise<{ named: Set<string>; intended: Set<string> }> {
  const [tables] = await sql<{ isMigrated: boolean }[]>`
    select to_regclass('object_intents') is not null as "isMigrated"`;
  if (!tables?.isMigrated) return { named: new Set(), intended: new Set() };
  const rows = await sql<{ key: string }[]>`
    select key from videos, unnest(array[original_url, processed_url, poster_url]) as key where key is not null`;
  const intents = await sql<{ key: string }[]>`select key from object_intents`;
  return { named: new Set(rows.map(({ key }) => key)), intended: new Set(intents.map(({ key }) => key)) };
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
}
