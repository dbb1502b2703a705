import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import {
  responseCacheEntriesMax,
  responseCacheMaxAgeMs,
  responseCacheMaxBytes,
  responseCacheRefreshMs,
} from '../limits.ts';
import { type CachedResponse, prepare } from './cached-response.ts';

export interface Loaded {
  readonly value: unknown;
  readonly headers?: readonly (readonly [string, string])[];
  /** When the oldest of the data was asked for, where that is before the load began. */
  readonly asOfMs?: number;
}

interface Entry {
  readonly prepared: CachedResponse;
  readonly asOfMs: number;
}

/**
 * Answers kept as bytes, by key. Up to `responseCacheRefreshMs` of age they are served as they are; from then on one refresh
 * is under way while they still are; past `responseCacheMaxAgeMs` a reader waits for it. However many ask, a key has one load
 * at a time and two a second at the most, and loads of all keys take turns. A load that failed is told to whoever asks
 * until the next one is due.
 */
export function openResponseCache<K extends object>(
  nameOf: (key: K) => string,
  load: (key: K) => Promise<Loaded>,
  clock: Clock = systemClock,
) {
  const entries = new LRUCache<string, Entry>({
    max: responseCacheEntriesMax,
    maxSize: responseCacheMaxBytes,
    sizeCalculation: ({ prepared }) => prepared.bytes.length + 1,
  });
  const loading = new Map<string, Promise<CachedResponse>>();
  const failures = new LRUCache<string, Promise<CachedResponse>>({
    max: responseCacheEntriesMax,
    ttl: responseCacheRefreshMs,
    // Otherwise the cache reads the time once per millisecond of the real clock.
    ttlResolution: 0,
    perf: clock,
  });
  let turn: Promise<unknown> = Promise.resolve();
  // The same question comes as the same object most of the time.
  const names = new WeakMap<K, string>();

  function findName(key: K): string {
    const known = names.get(key);
    if (known !== undefined) return known;
    const name = nameOf(key);
    names.set(key, name);
    return name;
  }

  function refresh(name: string, key: K): Promise<CachedResponse> {
    const known = loading.get(name) ?? failures.get(name);
    if (known !== undefined) return known;
    const mine = turn.then(() => loadEntry(name, key));
    turn = mine.catch(() => undefined);
    loading.set(name, mine);
    mine.then(
      () => loading.delete(name),
      () => {
        loading.delete(name);
        failures.set(name, mine);
      },
    );
    return mine;
  }

  async function loadEntry(name: string, key: K): Promise<CachedResponse> {
    const startedAtMs = clock.now();
    const { value, headers, asOfMs } = await load(key);
    const prepared = prepare(value, headers, entries.peek(name)?.prepared);
    entries.set(name, { prepared, asOfMs: asOfMs ?? startedAtMs });
    return prepared;
  }

  return {
    get(key: K): CachedResponse | Promise<CachedResponse> {
      const name = findName(key);
      const entry = entries.get(name);
      if (entry === undefined) return refresh(name, key);
      const ageMs = clock.now() - entry.asOfMs;
      if (ageMs >= responseCacheMaxAgeMs) return refresh(name, key);
      if (ageMs >= responseCacheRefreshMs) refresh(name, key).catch(() => undefined);
      return entry.prepared;
    },
  };
}
