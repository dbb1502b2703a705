import { LRUCache } from 'lru-cache';
import { freshBytesEntriesMax, freshBytesMaxAgeMs, freshBytesRefreshMs } from '../limits.ts';

export interface Prepared {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly headers: readonly (readonly [string, string])[];
  /** When the data was asked for: it is at least as new as this. */
  readonly asOfMs: number;
}

/**
 * Answers kept as bytes, by key. Up to `freshBytesRefreshMs` of age they are served as they are; from then on one refresh
 * is under way while they still are; past `freshBytesMaxAgeMs` a reader waits for it. However many ask, a key has one load
 * at a time, and loads of all keys take turns.
 */
export function openFreshBytes<K>(nameOf: (key: K) => string, load: (key: K) => Promise<Omit<Prepared, 'asOfMs'>>) {
  const entries = new LRUCache<string, Prepared>({ max: freshBytesEntriesMax });
  const loading = new Map<string, Promise<Prepared>>();
  let turn: Promise<unknown> = Promise.resolve();

  function refresh(name: string, key: K): Promise<Prepared> {
    const known = loading.get(name);
    if (known !== undefined) return known;
    const mine = turn.then(async () => {
      const asOfMs = performance.now();
      const entry = { ...(await load(key)), asOfMs };
      entries.set(name, entry);
      return entry;
    });
    turn = mine.catch(() => undefined);
    loading.set(name, mine);
    const forget = () => loading.delete(name);
    mine.then(forget, forget);
    return mine;
  }

  return {
    get(key: K): Prepared | Promise<Prepared> {
      const name = nameOf(key);
      const entry = entries.get(name);
      const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : performance.now() - entry.asOfMs;
      if (entry === undefined || ageMs >= freshBytesMaxAgeMs) return refresh(name, key);
      if (ageMs >= freshBytesRefreshMs) refresh(name, key).catch(() => undefined);
      return entry;
    },
  };
}
