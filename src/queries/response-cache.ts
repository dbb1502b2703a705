import { LRUCache } from 'lru-cache';
import { type Clock, systemClock } from '../clock.ts';
import {
  responseCacheEntriesMax,
  responseCacheMaxAgeMs,
  responseCacheMaxBytes,
  responseCacheRefreshMs,
} from '../limits.ts';
import { openSemaphore } from '../semaphore.ts';
import { type CachedResponse, createCachedResponse } from './cached-response.ts';

export interface Loaded {
  readonly value: unknown;
  readonly headers?: readonly (readonly [string, string])[];
  /** The age of the oldest data, when that was read before the load began. */
  readonly asOfMs?: number;
}

interface Entry {
  readonly response: CachedResponse;
  readonly asOfMs: number;
}

/**
 * Caches responses as bytes, by key, with refresh ahead. Up to `responseCacheRefreshMs` of age a response is served as it is. Older
 * ones are served while one refresh runs, and past `responseCacheMaxAgeMs` readers wait for the refresh. Whatever the number of
 * readers, a key has at most one load in flight and two loads a second, and loads of all keys run one after another. Readers of a
 * key whose load failed get its error until the next load is due.
 */
export function openResponseCache<K extends object>(
  nameOf: (key: K) => string,
  load: (key: K) => Promise<Loaded>,
  clock: Clock = systemClock,
) {
  const entries = new LRUCache<string, Entry>({
    max: responseCacheEntriesMax,
    maxSize: responseCacheMaxBytes,
    sizeCalculation: ({ response }) => response.bytes.length + 1,
  });
  const loading = new Map<string, Promise<CachedResponse>>();
  const failures = new LRUCache<string, Promise<CachedResponse>>({
    max: responseCacheEntriesMax,
    ttl: responseCacheRefreshMs,
    // With a resolution the cache would read the time once per millisecond of the real clock.
    ttlResolution: 0,
    perf: clock,
  });
  const loads = openSemaphore(1);
  // Equal queries are the same object most of the time.
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
    const refreshed = loads.run(() => loadEntry(name, key));
    loading.set(name, refreshed);
    refreshed.then(
      () => loading.delete(name),
      () => {
        loading.delete(name);
        failures.set(name, refreshed);
      },
    );
    return refreshed;
  }

  async function loadEntry(name: string, key: K): Promise<CachedResponse> {
    const startedAtMs = clock.now();
    const { value, headers, asOfMs } = await load(key);
    const response = createCachedResponse(value, headers, entries.peek(name)?.response);
    entries.set(name, { response, asOfMs: asOfMs ?? startedAtMs });
    return response;
  }

  return {
    get(key: K): CachedResponse | Promise<CachedResponse> {
      const name = findName(key);
      const entry = entries.get(name);
      if (entry === undefined) return refresh(name, key);
      const ageMs = clock.now() - entry.asOfMs;
      if (ageMs >= responseCacheMaxAgeMs) return refresh(name, key);
      if (ageMs >= responseCacheRefreshMs) refresh(name, key).catch(() => undefined);
      return entry.response;
    },
  };
}
