import { createHash } from 'node:crypto';
import type { Sql } from '../../../src/database/open.ts';
import { isOwnKey } from '../../../src/objects/keys.ts';
import type { ObjectStore } from '../../../src/objects/store.ts';
import { groupBy } from './group-by.ts';
import type { CheckDeps, Finding, Invariant } from './invariant.ts';
import type { LedgerEntry } from './ledger.ts';

export const uploadsAreKept: Invariant = {
  number: 1,
  name: 'Every acknowledged upload has exactly one row, and its object equals the bytes that were sent',
  check,
};

interface UploadRow {
  id: number;
  task_id: string | null;
  original_url: string | null;
  size_bytes: number | null;
}

/** Reads the objects of the ledger's uploads in full. For all other rows it compares the sizes. */
async function check({ sql, objects, ledger = [] }: CheckDeps): Promise<Finding> {
  const rows = await sql<UploadRow[]>`select id, task_id, original_url, size_bytes from videos order by id`;
  const byTask = groupBy(rows, (row) => row.task_id);
  const acknowledged = new Set(ledger.map((entry) => entry.task_id));
  const breaks: string[] = [];
  for (const [taskId, entries] of groupBy(ledger, (entry) => entry.task_id)) {
    if (entries.length > 1) breaks.push(`task ${taskId} was acknowledged ${entries.length} times`);
  }
  for (const entry of ledger) breaks.push(...(await checkUpload(objects, entry, byTask.get(entry.task_id) ?? [])));
  breaks.push(...(await checkSharedKeys(sql)));
  const others = rows.filter((row) => row.task_id === null || !acknowledged.has(row.task_id));
  for (const row of others) breaks.push(...(await checkRow(objects, row)));
  return { checked: `${ledger.length} acknowledged uploads read, ${others.length} other rows compared`, breaks };
}

async function checkUpload(objects: ObjectStore, entry: LedgerEntry, rows: readonly UploadRow[]): Promise<string[]> {
  const name = `acknowledged upload ${entry.task_id}`;
  const [row] = rows;
  if (entry.deleted) return row === undefined ? [] : [`${name} was deleted and still has row ${row.id}`];
  if (row === undefined || rows.length > 1) return [`${name} has ${rows.length} rows`];
  if (entry.video_id !== undefined && entry.video_id !== row.id)
    return [`${name} is row ${row.id}, not ${entry.video_id}`];
  if (row.original_url === null) return [`${name} has row ${row.id} without a key`];
  const found = await hashObject(objects, row.original_url);
  if (found === undefined) return [`${name} has row ${row.id} and no object ${row.original_url}`];
  if (found.bytes !== entry.bytes) return [`${name} has ${found.bytes} bytes stored, ${entry.bytes} were sent`];
  return found.sha256 === entry.sha256 ? [] : [`${name} is stored with other bytes than were sent`];
}

async function checkSharedKeys(sql: Sql): Promise<string[]> {
  const shared = await sql<{ original_url: string; rows: number }[]>`
    select original_url, count(*) as rows from videos
    where original_url is not null group by original_url having count(*) > 1`;
  return shared
    .filter((each) => isOwnKey(each.original_url))
    .map((each) => `${each.rows} rows name ${each.original_url}`);
}

/** For rows that are not in the ledger: the object exists and has the size in the row. */
async function checkRow(objects: ObjectStore, row: UploadRow): Promise<string[]> {
  if (row.original_url === null || !isOwnKey(row.original_url)) return [];
  const found = await objects.headObject(row.original_url);
  if (found === undefined) return [`row ${row.id} names ${row.original_url}, which does not exist`];
  if (row.size_bytes === null || row.size_bytes === found.bytes) return [];
  return [`row ${row.id} says ${row.size_bytes} bytes, its object has ${found.bytes}`];
}

/** Streams the object from a pre-signed link, as players do. */
async function hashObject(objects: ObjectStore, key: string): Promise<{ sha256: string; bytes: number } | undefined> {
  const response = await fetch(await objects.presignGet(key));
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok || response.body === null) throw new Error(`Expected ${key} to be readable, got ${response.status}`);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response.body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}
