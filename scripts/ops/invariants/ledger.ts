import { readFile } from 'node:fs/promises';
import { UserError } from '../../lib/user-error.ts';

/** Record that a client keeps of one upload when it receives the response. Other fields are ignored. */
export interface LedgerEntry {
  readonly status: number;
  /** Hex digest of the bytes of `video_file`. */
  readonly sha256: string;
  readonly bytes: number;
  readonly task_id: string;
  readonly video_id?: number | undefined;
  /** Set if the client deleted the video later: then no row may be left. */
  readonly deleted?: boolean | undefined;
}

/** Reads JSON lines. Skips uploads that were not acknowledged, that is with any status but 201. */
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
