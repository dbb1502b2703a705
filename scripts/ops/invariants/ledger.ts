import { readFile } from 'node:fs/promises';
import { UserError } from '../../lib/user-error.ts';

/** What a client wrote down about one upload as soon as it was answered. Fields that are not named here mean nothing. */
export interface LedgerEntry {
  readonly status: number;
  /** Of the bytes of `video_file`, in hex. */
  readonly sha256: string;
  readonly bytes: number;
  readonly task_id: string;
  readonly video_id?: number | undefined;
  /** The client has deleted the video since: nothing may be left of it. */
  readonly deleted?: boolean | undefined;
}

/** JSON lines; uploads that were not acknowledged (any status but 201) are passed over. */
export async function readLedger(path: string): Promise<LedgerEntry[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UserError(`Expected the ledger ${path} to be readable, got ${error.message}.`);
  });
  return text
    .split('\n')
    .map((line, i) => ({ line, place: `${path}:${i + 1}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, place }) => readEntry(line, place))
    .filter((entry) => entry.status === 201);
}

function readEntry(line: string, place: string): LedgerEntry {
  const entry = parse(line, place) as Partial<LedgerEntry> | null;
  if (typeof entry !== 'object' || entry === null || typeof entry.status !== 'number') {
    throw new UserError(`Expected ${place} to be an object with a status, got something else.`);
  }
  if (entry.status !== 201) return { ...entry, status: entry.status, sha256: '', bytes: 0, task_id: '' };
  const { sha256, bytes, task_id: taskId } = entry;
  if (typeof sha256 !== 'string' || typeof bytes !== 'number' || typeof taskId !== 'string') {
    throw new UserError(`Expected ${place} to have sha256, bytes and task_id, got an upload without.`);
  }
  return { ...entry, status: entry.status, sha256, bytes, task_id: taskId };
}

function parse(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UserError(`Expected ${place} to be JSON, got something else.`);
  }
}
